"""Messages that are no orders, among orders: each is dead-lettered by itself, with a reason."""

import uuid
from collections.abc import Iterator

import httpx
import pytest
from localcloud.servicebus.amqp.performatives import Accepted

from backend.amqp.encoded_messages import keep_encoded
from backend.redrive.dead_letters import read_letter
from tests import amqp_messages as m
from tests.e2e.waiting import until
from tests.faults import backlog
from tests.faults.application import Application
from tests.faults.case import Case
from tests.faults.conftest import running
from tests.faults.message_cases import cases, order_id

CUSTOMER = "b" * 32

pytestmark = pytest.mark.quick


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    """An application of its own: its dead letters are those that no SDK could peek at."""
    keep_encoded()
    yield from running()


def test_poison_in_every_section_and_type_costs_no_order(case: Case) -> None:
    """Bodies of every section, properties of every type, annotations, footers, headers: a message that is no order is
    dead-lettered once with its reason, and the order behind it is receipted."""
    restarts = case.application.pod("backend")["restarts"]
    orders, reasons = [], []
    with case.application.raw_sender() as sender:
        for kind in cases():
            if not isinstance(sender.offer(kind.message, kind.message_format), Accepted):
                continue
            if kind.reason is None:
                orders.append(kind.order_id)
            else:
                reasons.append(kind.reason)
                orders.append(order_id(f"behind {kind.name}"))
                sender.put(m.message(m.data(m.order(order_id=orders[-1]))))
    case.injected(f"{len(reasons)} kinds of poison")
    case.accepted(dict.fromkeys(orders, CUSTOMER))
    until(case.waiting, lambda waiting: waiting == 0, timeout=120)
    letters = case.ledger.letters()
    case.set_aside(len(letters))
    assert {*reasons} == {"InvalidOrder", "Undecodable"}
    assert sorted(read_letter(letter).reason for letter in letters) == sorted(reasons)
    assert {letter.delivery_count for letter in letters} == {1}
    assert case.application.pod("backend")["restarts"] == restarts
    case.settle()


def test_a_message_of_another_version_is_set_aside(case: Case) -> None:
    """A message of a later version is dead-lettered for a later worker, with the field that is wrong."""
    case.injected("version 2")
    order = backlog.order(uuid.uuid4().hex)
    later = order.model_dump_json().replace('"version":1', '"version":2')
    with case.customers() as customers:
        with case.application.raw_sender() as sender:
            sender.put(m.message(m.data(later.encode())))
        customers.place_more(5)
    case.accepted({order.orderId: order.customerId})
    until(case.waiting, lambda waiting: waiting == 0)
    letters = case.ledger.dead_letters()
    assert order.orderId in letters, "there is no dead letter of it"
    letter = letters[order.orderId]
    assert str(letter.dead_letter_error_description).startswith("version")
    case.settle(dead_lettered=1)


def test_what_is_too_large_is_refused_and_not_cut(case: Case) -> None:
    """The queue refuses a message that is too large, and the frontend such an order; those that fit are receipted."""
    case.injected("256 KB and more")
    with case.customers(1) as customers:
        customers.place_more(1)
        too_large = m.message(m.data(m.order().ljust(256 * 1024 + 1)))
        with case.application.raw_sender() as sender:
            assert "message-size-exceeded" in str(sender.offer(too_large))
        order = {"product": "x", "quantity": 1, "note": "y" * 70_000}
        assert httpx.post(f"{case.application.url}/orders", json=order, trust_env=False).status_code == 413
        customers.place_more(1)
    case.settle()


def test_a_full_disk_is_waited_for(case: Case) -> None:
    """No order is accepted that can't be stored, and all accepted ones are receipted once there is room again."""
    case.injected("the broker can write nothing")
    with case.customers() as customers:
        customers.place_more(5)
        with case.application.full_disk():
            customers.fail_more(3)
        case.recovers()
        customers.place_more(5)
    case.settle()


def test_a_backlog_is_drained(case: Case) -> None:
    """Orders that wait when a worker comes are receipted, each once."""
    case.injected("300 waiting")
    customer = uuid.uuid4().hex
    case.accepted(backlog.put(case.application, [backlog.order(customer) for _ in range(300)]))
    case.settle()
