"""The message on the queue `orders`, version 1."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from contract.order import Order

Identifier = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class OrderMessage(BaseModel):
    """An accepted order, as the body of a Service Bus message of content type `application/json`.

    `orderId` and `customerId` are 32 hexadecimal digits. `acceptedAt` has its offset from UTC.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    orderId: Identifier
    customerId: Identifier
    order: Order
    acceptedAt: AwareDatetime

    @property
    def message_id(self) -> str:
        """The Service Bus message id: the order's id and digest, 97 of the 128 characters that an id may have.

        So duplicate detection drops a repeat, and not another body under the same order id.
        """
        return f"{self.orderId}:{self.order.digest()}"

    @property
    def receipt_name(self) -> str:
        """The name of the blob that holds this order's receipt, in the container `receipts`."""
        return f"{self.orderId}/{self.order.digest()}.jws"
