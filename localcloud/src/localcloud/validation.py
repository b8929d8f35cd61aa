"""Pydantic's findings as sentences for the author of the document."""

import reprlib
from typing import Any

from pydantic import ValidationError

_shown = reprlib.Repr()
_shown.maxstring = _shown.maxother = 80


def faults_of(error: ValidationError) -> list[str]:
    """Return each fault as `path.of[0].field: what is wrong`."""
    return [": ".join(filter(None, (path_of(fault["loc"]), _reason(fault)))) for fault in error.errors()]


def path_of(location: tuple[int | str, ...]) -> str:
    """Return a place in a document, such as `spec.ports[0].name`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def _reason(fault: Any) -> str:
    match fault["type"]:
        case "extra_forbidden":
            return "a field that is not known here"
        case "missing":
            return "is missing"
        case "value_error":  # one of our own checks: it names what it is about, and its input may be the whole document
            return str(fault["ctx"]["error"])
    return f"{fault['msg']}, not {_shown.repr(fault['input'])}"
