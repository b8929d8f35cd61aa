"""An order: what a customer asks for, and the digest that tells two bodies apart."""

import hashlib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic.fields import Field

Text = StringConstraints(strip_whitespace=True, min_length=1)


class Order(BaseModel):
    """What the customer sent: a product, a quantity from 1 to 1,000 and, if they like, a note."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    product: Annotated[str, Text, Field(max_length=100)]
    quantity: Annotated[int, Field(ge=1, le=1000, strict=True)]
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""

    def digest(self) -> str:
        """SHA-256, 64 hexadecimal digits, over the order's fields in a fixed order: two bodies differ exactly
        where their digests do."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()
