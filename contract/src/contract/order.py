"""An order: what a customer asks for, and the digest that tells two bodies apart."""

import hashlib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic.fields import Field
from pydantic_core import to_json

_FIRST_FIELDS = {"product", "quantity", "note"}
Text = StringConstraints(strip_whitespace=True, min_length=1)


class Order(BaseModel):
    """What the customer sent: a product, a quantity from 1 to 1,000 and, if they like, a note."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    product: Annotated[str, Text, Field(max_length=100)]
    quantity: Annotated[int, Field(ge=1, le=1000, strict=True)]
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""

    def digest(self) -> str:
        """SHA-256, 64 hexadecimal digits, over the order's fields as JSON: two orders are equal if their digests are.

        A field that was added later counts only if it has not its default. So the orders that were on their way
        when it was added keep their digests.
        """
        fields = self.model_dump(include=_FIRST_FIELDS) | self.model_dump(exclude=_FIRST_FIELDS, exclude_defaults=True)
        return hashlib.sha256(to_json(fields)).hexdigest()
