"""One fault: what it is brought about by, what was accepted meanwhile, what became of it, how soon all was well."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from tests.e2e.waiting import until
from tests.faults.application import Application
from tests.faults.customers import PAUSE, Customer, Customers
from tests.faults.ledger import Ledger, Tally

RECOVERY = 60.0  # seconds in which everything must be well again; what is promised is ten, and the table shows it


class Case:
    """`record` is pytest's: what it is told stands in the closing table and in the JUnit report."""

    def __init__(self, application: Application, ledger: Ledger, record: Callable[[str, object], None]) -> None:
        self.application = application
        self.ledger = ledger
        self._record = record
        self._accepted: dict[str, str] = {}  # the customer of each accepted order
        self._set_aside = 0

    def injected(self, how: str) -> None:
        """What the table says of how the fault is brought about."""
        self._record("injected", how)

    @contextlib.contextmanager
    def customers(self, count: int = 3, pause: float = PAUSE) -> Iterator[Customers]:
        """Customers who place orders meanwhile, with a pause after each; what they were promised is accounted for."""
        with Customers(self.application.url, count, pause) as customers:
            yield customers
        self.accepted(customers.accepted())

    def accepted(self, orders: Mapping[str, str]) -> None:
        """Service Bus has these orders, each given with its customer: they are accounted for."""
        self._accepted |= orders

    def set_aside(self, count: int) -> None:
        """So many dead letters there are that were no accepted orders: the table counts them too."""
        self._set_aside = count

    @contextlib.contextmanager
    def fault(self, service: str, kind: str, seconds: float = 1.0) -> Iterator[None]:
        """A service of Azure fails meanwhile; how soon all is well after that is measured."""
        self.injected(f"{service} {kind}")
        self.application.begin_fault(service, kind, seconds)
        try:
            yield
        finally:
            self.application.end_fault(service)
        self.recovers()

    def recovers(self) -> float:
        """Called when a fault has ended: measures the time until an order placed after it is receipted."""
        began = time.monotonic()
        customer = Customer(self.application.url)
        customer.place()
        self.accepted(dict.fromkeys(customer.orders, customer.id))
        customer.receipts(timeout=RECOVERY)
        recovery = time.monotonic() - began
        self._record("recovery", round(recovery, 1))
        return recovery

    def settle(self, *, dead_lettered: int = 0, spare: int = 0, verify: int | None = None) -> Tally:
        """Waits until every accepted order is receipted or a dead letter: none is lost, none is there twice.

        `spare` receipts may be there that no document names. The signatures of all are verified, or of `verify` among
        them.
        """
        until(self.waiting, lambda waiting: waiting == 0, timeout=RECOVERY)
        tally = self.ledger.tally(self._accepted, verify)
        if spare:
            tally = replace(tally, duplicated=max(0, tally.duplicated - spare))
        for name in Tally.__slots__:
            self._record(name, getattr(tally, name))
        self._record("dead_lettered", tally.dead_lettered + self._set_aside)
        assert tally.lost == 0, f"{tally.lost} of {tally.accepted} accepted orders are lost"
        assert tally.duplicated == 0, f"{tally.duplicated} documents or receipts too many"
        assert tally.dead_lettered == dead_lettered, f"{tally.dead_lettered} orders are dead letters"
        return tally

    def waiting(self) -> int:
        """How many messages there are in the queue, those in workers' hands included."""
        return self.ledger.waiting()
