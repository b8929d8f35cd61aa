"""The message on the queue `orders`, version 1."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from contract.order import Order

Identifier = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class OrderMessage(BaseModel):
    """An accepted order, as the body of a Service Bus message of content type `application/json`.

    `orderId` and `customerId` are 32 hexadecimal digits. `acceptedAt` has its offset from UTC. The order id is a random
    UUID (version 4), or one of another version if it is made of an idempotency key (RFC 9562).
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
    def has_random_id(self) -> bool:
        """Whether the order id is random. If not, another request may have the same one, with another body."""
        return self.orderId[12] == "4"

    @property
    def receipt_name(self) -> str:
        """The name of the blob that holds this order's receipt, in the container `receipts`."""
        return f"{self.orderId}/{self.order.digest()}.jws"
