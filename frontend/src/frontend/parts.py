"""The parts that views work with. `bootstrap` makes them; a view gets them from Flask's current application."""

from contextlib import ExitStack
from dataclasses import dataclass

from flask import current_app

from frontend.identity.checks import Checks
from frontend.identity.lazy_clients import LazyClients
from frontend.identity.privileges import Privilege
from frontend.orders.order_reader import OrderReader
from frontend.orders.receipt_reader import ReceiptReader
from frontend.orders.references import References
from frontend.orders.sender import OrderSender
from frontend.settings import Settings
from frontend.web.signing_keys import SigningKeys
from workload.journey.access_model import AccessModel


@dataclass(frozen=True, slots=True)
class Parts:
    """`uses` does what the privileges allow. `opened` closes what was opened, the newest first."""

    settings: Settings
    clients: LazyClients
    keys: SigningKeys
    references: References
    sender: OrderSender
    orders: OrderReader
    receipts: ReceiptReader
    readiness: Checks
    privileges: dict[str, Privilege]
    uses: Checks
    access_model: AccessModel
    opened: ExitStack

    def start(self) -> None:
        """Start refreshing the keys. Call it in the process that serves: a fork has none of its parent's threads."""
        self.opened.enter_context(self.keys.refreshing())

    def close(self) -> None:
        """Stop the threads and close the clients."""
        self.opened.close()


def parts() -> Parts:
    """Get the parts of the current application."""
    found = current_app.extensions["frontend"]
    assert isinstance(found, Parts)  # noqa: S101  (for the type checker: `bootstrap` put it there)
    return found
