"""What crosses between the services: the order's message on the queue, its document in Cosmos DB, its receipt."""

from contract.document import OrderDocument
from contract.message import Identifier, OrderMessage
from contract.order import Order
from contract.receipt import RECEIPT_ALGORITHM, Receipt

__all__ = ["RECEIPT_ALGORITHM", "Identifier", "Order", "OrderDocument", "OrderMessage", "Receipt"]
