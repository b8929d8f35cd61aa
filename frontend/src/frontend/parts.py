"""The parts that views work with, made once in `app.create_app` and found through Flask's current application."""

from dataclasses import dataclass

from flask import current_app
from flask_wtf import CSRFProtect  # type: ignore[import-untyped]

from frontend.identity.clients import Clients
from frontend.identity.readiness import Readiness
from frontend.orders.order_reader import OrderStore
from frontend.orders.receipt_reader import ReceiptStore
from frontend.orders.references import References
from frontend.orders.sender import OrderSender
from frontend.settings import Settings
from frontend.web.signing_keys import SigningKeys

csrf = CSRFProtect()


@dataclass(frozen=True, slots=True)
class Services:
    """All parts, with the threads that they need between `start` and `close`."""

    settings: Settings
    clients: Clients
    keys: SigningKeys
    references: References
    sender: OrderSender
    store: OrderStore
    receipts: ReceiptStore
    readiness: Readiness

    def start(self) -> None:
        """Start the threads, unless this process has started them already."""
        self.keys.start()
        self.sender.start()

    def close(self) -> None:
        """End the threads, and close the links to Service Bus."""
        self.keys.close()
        self.readiness.close()
        self.sender.close()


def services() -> Services:
    found = current_app.extensions["frontend"]
    assert isinstance(found, Services)  # noqa: S101  (for the type checker: create_app put it there)
    return found
