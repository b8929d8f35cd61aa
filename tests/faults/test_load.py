"""Many orders: a backlog drained by one, two and four workers, and what a long run leaves behind in the processes."""

import contextlib
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from tests.e2e.waiting import until
from tests.faults import backlog, processes
from tests.faults.application import Application
from tests.faults.case import Case
from tests.faults.conftest import running
from tests.faults.ledger import Ledger

FLAT = 5_000  # orders, over which nothing may grow
BACKLOGS = {2: 7_500, 4: 7_500}  # orders by workers
WARM = 1_000  # orders after which a process holds what it needs


@dataclass(frozen=True)
class Held:
    """What a process holds: megabytes of memory, open descriptors, and the sockets among them."""

    memory: float
    descriptors: int
    connections: int


def held(application: Application) -> Mapping[str, Held]:
    """By process, what each holds now."""
    _, frontend = application.gunicorn()
    pids = {"frontend": frontend, "backend": application.worker(), "local cloud": application.stack.pid}
    return {
        name: Held(processes.memory(pid), processes.descriptors(pid), processes.connections(pid))
        for name, pid in pids.items()
    }


def test_memory_descriptors_and_connections_stay_flat(case: Case, record_property: Callable[..., None]) -> None:
    """From the first thousand orders to the last of five thousand, placed with the frontend, no process grows."""
    case.injected(f"{FLAT} orders in a row")
    before = held_after(case, WARM)
    after = held_after(case, FLAT - WARM)
    record_property("held", f"{before} {after}")
    for name in before:
        assert after[name].memory < before[name].memory * 1.25 + 8, f"{name}: {before[name]} {after[name]}"
        assert after[name].descriptors <= before[name].descriptors + 16, f"{name}: {before[name]} {after[name]}"
        assert after[name].connections <= before[name].connections + 16, f"{name}: {before[name]} {after[name]}"
    case.settle(verify=500)


def held_after(case: Case, orders: int) -> Mapping[str, Held]:
    """What each process holds once so many orders more are done."""
    with case.customers(8, pause=0.0) as customers:
        customers.place_more(orders)
    until(case.waiting, lambda waiting: waiting == 0, timeout=400)
    return held(case.application)


@pytest.mark.counted
@pytest.mark.parametrize("workers", BACKLOGS)
def test_a_backlog_is_drained_by_several_workers(workers: int, record_property: Callable[..., None]) -> None:
    """Thousands of orders that wait are receipted once each, however many workers take them."""
    customer, count = uuid.uuid4().hex, BACKLOGS[workers]
    with contextlib.contextmanager(running)(backends=workers) as application, Ledger.of(application) as ledger:
        case = Case(application, ledger, record_property)
        orders = [backlog.order(customer, f"number {number}") for number in range(count)]
        case.accepted(backlog.put(application, orders))
        began = time.monotonic()
        until(case.waiting, lambda waiting: waiting == 0, timeout=400)
        case.injected(f"{count} waiting, {count / (time.monotonic() - began):.0f}/s")
        case.settle(verify=500)
