"""`make load`: many orders at once, and KEDA starts workers for them, from none and back to none."""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from localcloud.cluster.container import last_line
from localcloud.operator.lines import say, step

from demo.orders import Customer
from demo.stack import ROOT, Stack, StackFailed

_CUSTOMERS = 8
_PATIENCE = 180.0  # seconds
_LOOK = 0.2  # seconds


def load(orders: int) -> list[int]:
    """Place so many orders, wait for every receipt, and for KEDA to take the last worker away.

    Returns the numbers of workers, each as it changed. Raises `OrderFailed` if an order has no verified receipt, and
    `StackFailed` if the workers do not come or go.
    """
    state = Path(tempfile.mkdtemp(prefix="keyless-"))
    free_ports = ["--ephemeral", "--proxy-port", "0", "--amqp-port", "0", "--service-port", "frontend=0"]
    try:
        with Stack(state, free_ports, overlay=ROOT / "k8s/overlays/local-keda") as stack:
            url = stack.start()
            with _Workers(stack) as workers:
                workers.await_number(lambda number: number == 0)
                step("no order waits, and no worker runs")
                started = time.monotonic()
                receipted = _place_and_await(url, orders)
                step(f"{receipted} orders, {receipted} verified receipts, in {time.monotonic() - started:.0f} s")
                workers.await_number(lambda number: number == 0)
            step(f"workers: {' → '.join(map(str, workers.numbers))}")
            say("")
            say("  KEDA's operator has logged:")
            for line in _operators_log(stack).read_text().splitlines():
                say(f"  {line.expandtabs(2)}")
            return workers.numbers
    finally:
        shutil.rmtree(state, ignore_errors=True)


class _Workers:
    """Watch the number of workers for as long as the context lasts."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._ended = threading.Event()
        self._changed = threading.Condition()
        self._watching = threading.Thread(target=self._watch, name="workers", daemon=True)
        self.numbers: list[int] = []

    def __enter__(self) -> "_Workers":
        self._watching.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._watching.join()

    def await_number(self, good: Callable[[int], bool]) -> None:
        """Return once the number is good. Raises `StackFailed` if it is not in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self.numbers) and good(self.numbers[-1]), _PATIENCE):
                said = last_line(_operators_log(self._stack))
                raise StackFailed(f"The number of workers stays at {self.numbers[-1:]}. KEDA's operator says: {said}")

    def _watch(self) -> None:
        with self._stack.control() as control:
            while not self._ended.wait(_LOOK):
                pods = control.get("/status").raise_for_status().json()["pods"]
                number = sum(pod["workload"] == "backend" for pod in pods)
                if not self.numbers or number != self.numbers[-1]:
                    with self._changed:
                        self.numbers.append(number)
                        self._changed.notify_all()


def _operators_log(stack: Stack) -> Path:
    return stack.state / "logs" / "keda-operator.log"


def _place_and_await(url: str, orders: int) -> int:
    """Return the number of orders that have a verified receipt, which is that of all."""
    with ThreadPoolExecutor(_CUSTOMERS) as pool:
        return sum(pool.map(lambda customer: _be_customer(url, customer, orders), range(_CUSTOMERS)))


def _be_customer(url: str, customer: int, orders: int) -> int:
    """Place this customer's share of the orders, and wait for their receipts."""
    client = Customer(url)
    try:
        placed = [client.place(f"order {number}", 1) for number in range(customer, orders, _CUSTOMERS)]
        return len([client.receipt(path, _PATIENCE) for path in placed])
    finally:
        client.close()
