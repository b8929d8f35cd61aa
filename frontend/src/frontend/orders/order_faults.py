"""What is wrong with an order, field by field, in words for the person who filled it in."""

from collections.abc import Iterator

from pydantic import ValidationError

from frontend.web.problems import FieldError, pointer

# By field and by pydantic's name of the fault, "" for each other one (https://docs.pydantic.dev/latest/errors/validation_errors).
# What stands in braces is the limit of `contract.Order`.
_WORDS = {
    "product": {
        "missing": "Say what you would like to order.",
        "string_too_short": "Say what you would like to order.",
        "string_too_long": "Describe the product in at most {max_length} characters.",
        "": "Describe the product in words.",
    },
    "quantity": {
        "missing": "Say how many you would like.",
        "greater_than_equal": "Order at least {ge}.",
        "less_than_equal": "Order at most {le:,} at once.",
        "": "Give the quantity as a whole number, such as 3.",
    },
    "note": {
        "string_too_long": "Keep the note to at most {max_length} characters.",
        "": "Write the note in words.",
    },
}
_UNKNOWN_FIELD = "An order has no such field. It has a product, a quantity and perhaps a note."
_NO_FIELDS = "An order is an object with a product, a quantity and perhaps a note."


def order_faults(error: ValidationError) -> list[FieldError]:
    """Return the fields of an `Order` that are wrong, without the values that were sent."""
    return list(_faults(error))


def _faults(error: ValidationError) -> Iterator[FieldError]:
    for fault in error.errors(include_url=False, include_input=False):
        words = _WORDS.get(str(fault["loc"][0])) if fault["loc"] else {"": _NO_FIELDS}
        known = words or {"": _UNKNOWN_FIELD}
        sentence = known.get(fault["type"], known[""])
        yield FieldError(detail=sentence.format(**fault.get("ctx", {})), pointer=pointer(fault["loc"]))
