"""Many orders: a backlog drained by one, two and four workers in turn, and what a long run leaves in the processes."""

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
BACKLOG = 20_000  # orders
STAGES = {1: 14_000, 2: 7_000, 4: 0}  # by the number of workers: how many messages they leave to the next
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


@pytest.mark.long
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
@pytest.mark.long
def test_a_backlog_is_drained_by_one_two_and_four_workers(record_property: Callable[..., None]) -> None:
    """Twenty thousand orders that wait are receipted once each, while the workers become two, then four."""
    customer = uuid.uuid4().hex
    with contextlib.contextmanager(running)() as application, Ledger.of(application) as ledger:
        case = Case(application, ledger, record_property)
        orders = [backlog.order(customer, f"number {number}") for number in range(BACKLOG)]
        case.accepted(backlog.put(application, orders))
        rates = [drained(case, workers, left) for workers, left in STAGES.items()]
        case.injected(f"{BACKLOG} waiting, drained at {', '.join(rates)}")
        case.settle(verify=500)


def drained(case: Case, workers: int, left: int) -> str:
    """Have so many workers drain the queue until at most `left` messages wait; return their rate."""
    case.application.scale("backend", workers)
    case.application.await_ready()
    began, waiting = time.monotonic(), case.waiting()
    until(case.waiting, lambda now: now <= left, timeout=600)
    return f"{(waiting - left) / (time.monotonic() - began):.0f}/s by {workers}"
