"""Texts of foreign messages, made fit to be shown: on a terminal, in a log, as a dead letter's description."""

from pydantic import ValidationError


def printable(text: str) -> str:
    """Write each character that a terminal can't show, or would act on, as an escape."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def describe(error: ValidationError) -> str:
    """Return the first three faults as `field: what is wrong`, in at most 1,000 characters.

    The values that were sent are not repeated.
    """
    faults = [
        f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False)[:3]
    ]
    return printable("; ".join(faults))[:1000]
