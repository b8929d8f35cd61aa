"""Two workers on one queue: an order that both hold is receipted once."""

import os
import signal
import uuid
from collections.abc import Iterator

import pytest

from tests.e2e.waiting import until
from tests.faults import backlog
from tests.faults.application import Application
from tests.faults.case import Case
from tests.faults.conftest import running


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    """The application with two workers."""
    yield from running(backends=2)


@pytest.mark.quick
def test_the_same_order_many_times_is_one(case: Case) -> None:
    """Ten messages of each order, under ids that duplicate detection can't compare, to two workers at once: one
    document and one receipt."""
    case.injected("10 messages an order")
    customer = uuid.uuid4().hex
    orders = [backlog.order(customer, f"number {number}") for number in range(20)]
    repeated = [backlog.message(order, uuid.uuid4().hex) for _ in range(10) for order in orders]
    with case.application.servicebus("frontend") as client, client.get_queue_sender("orders") as sender:
        sender.send_messages(repeated)
    case.accepted({order.orderId: customer for order in orders})
    until(case.waiting, lambda waiting: waiting == 0)
    case.settle()


@pytest.mark.quick
def test_two_bodies_under_one_order_id_are_one_order_and_a_dead_letter(case: Case) -> None:
    """Each pair reaches two workers at once: one of the bodies is receipted, the other is refused.

    The other's receipt may have been added by then, since each worker adds it before the document; but no document and
    no reference leads to it.
    """
    case.injected("2 bodies an order id")
    customer = uuid.uuid4().hex
    ids = [uuid.uuid4().hex for _ in range(10)]
    pairs = [[backlog.order(customer, product, order_id) for order_id in ids] for product in ("kettle", "lantern")]
    with case.application.servicebus("frontend") as client, client.get_queue_sender("orders") as sender:
        sender.send_messages([backlog.message(order) for pair in zip(*pairs, strict=True) for order in pair])
    case.accepted(dict.fromkeys(ids, customer))
    until(case.waiting, lambda waiting: waiting == 0)
    letters = case.ledger.letters()
    case.set_aside(len(letters))
    assert {letter.dead_letter_reason for letter in letters} == {"IdempotencyKeyReused"}
    case.settle(spare=len(ids))


def test_a_worker_that_lost_its_locks_loses_nothing(case: Case) -> None:
    """One worker stops with orders in its hands, for longer than their locks hold. The other receipts them; the first
    then finds them receipted, and its settlements refused."""
    case.injected("SIGSTOP beyond the locks")
    stopped, _ = case.application.workers()
    case.application.begin_fault("blob", "slow", 1)  # so that each has some in its hands
    with case.customers() as customers:
        customers.place_more(20)
        os.kill(stopped, signal.SIGSTOP)
    try:
        case.application.end_fault("blob")
        until(case.waiting, lambda waiting: waiting == 0, timeout=60)
    finally:
        os.kill(stopped, signal.SIGCONT)
    case.recovers()
    case.settle()


def test_a_killed_worker_is_stood_in_for(case: Case) -> None:
    """After SIGKILL to one, its orders are the other's as soon as their locks have run out."""
    case.injected("SIGKILL of one of two")
    killed, _ = case.application.workers()
    with case.customers() as customers:
        customers.place_more(10)
        os.kill(killed, signal.SIGKILL)
        case.recovers()
        customers.place_more(10)
    case.settle()
