"""An order, and the digest that tells two orders apart."""

import hashlib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic.fields import Field
from pydantic_core import to_json

_FIRST_FIELDS = {"product", "quantity", "note"}
Text = StringConstraints(strip_whitespace=True, min_length=1)


class Order(BaseModel):
    """What the customer asks for: a product, a quantity from 1 to 1,000, and a note if they like."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    product: Annotated[str, Text, Field(max_length=100)]
    quantity: Annotated[int, Field(ge=1, le=1000, strict=True)]
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""

    def digest(self) -> str:
        """Return the SHA-256 of the order's fields as JSON, in 64 hexadecimal digits. Equal orders have equal digests.

        A field that was added later is left out if it has its default. So an order that was accepted before the field
        was added keeps its digest.
        """
        fields = self.model_dump(include=_FIRST_FIELDS) | self.model_dump(exclude=_FIRST_FIELDS, exclude_defaults=True)
        return hashlib.sha256(to_json(fields)).hexdigest()
