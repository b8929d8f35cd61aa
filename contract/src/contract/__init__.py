"""What crosses between the services: the order message on the queue and the order document in Cosmos DB."""

from contract.document import OrderDocument
from contract.message import OrderMessage
from contract.order import Order

__all__ = ["Order", "OrderDocument", "OrderMessage"]
