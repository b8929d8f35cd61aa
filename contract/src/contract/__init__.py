"""What crosses between the services: the order message on the queue, the order document in Cosmos DB, the receipt."""

from contract.document import OrderDocument
from contract.message import Identifier, OrderMessage
from contract.order import Order
from contract.receipt import RECEIPT_ALGORITHM, Receipt

__all__ = ["RECEIPT_ALGORITHM", "Identifier", "Order", "OrderDocument", "OrderMessage", "Receipt"]
