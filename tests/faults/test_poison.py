"""Messages that are no orders, among orders: each is set aside by itself, with a reason."""

from collections.abc import Iterator

import httpx
import pytest
from backend.encoded import keep_encoded

from tests import amqp_messages as m
from tests.e2e.waiting import until
from tests.faults import backlog
from tests.faults.application import Application
from tests.faults.case import Case
from tests.faults.conftest import running
from tests.faults.message_cases import cases, order_id

CUSTOMER = "b" * 32


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    """An application of its own: its dead letters are those that no SDK could peek at."""
    keep_encoded()
    yield from running()


def test_poison_in_every_section_and_type_costs_no_order(case: Case) -> None:
    """Bodies of every section, properties of every type, annotations, footers, headers: an order is behind each."""
    kinds = list(cases())
    poison = [kind for kind in kinds if kind.reason]
    case.injected(f"{len(poison)} kinds of poison")
    before = case.application.pod("backend")["restarts"]
    neighbours = [order_id(f"behind {kind.name}") for kind in poison]
    with case.application.raw_sender() as sender:
        for kind, neighbour in zip(poison, neighbours, strict=True):
            sender.put(kind.message, kind.message_format)
            sender.put(m.message(m.data(m.order(order_id=neighbour))))
        orders = [kind for kind in kinds if not kind.reason]
        for kind in orders:
            sender.put(kind.message, kind.message_format)
    case.accepted(dict.fromkeys([*neighbours, *(kind.order_id for kind in orders)], CUSTOMER))
    until(case.waiting, lambda waiting: waiting == 0, timeout=120)
    letters = case.ledger.letters()
    assert sorted(str(letter.dead_letter_reason) for letter in letters) == sorted(str(kind.reason) for kind in poison)
    assert case.application.pod("backend")["restarts"] == before
    case.recovers()
    case.settle()


def test_a_message_of_another_version_is_set_aside(case: Case) -> None:
    """What a later frontend may send is kept for a later worker, and says which field it is about."""
    case.injected("version 2")
    later = m.order(order_id=order_id("later")).replace(b'"version": 1', b'"version": 2')
    with case.customers() as customers:
        with case.application.raw_sender() as sender:
            sender.put(m.message(m.data(later)))
        customers.place_more(5)
    case.accepted({order_id("later"): CUSTOMER})
    until(case.waiting, lambda waiting: waiting == 0)
    letter = case.ledger.dead_letters()[order_id("later")]
    assert str(letter.dead_letter_error_description).startswith("version")
    case.settle(dead_lettered=1)


def test_what_is_too_large_is_refused_and_not_cut(case: Case) -> None:
    """The queue refuses a message that is larger than it takes, and the frontend an order; those that fit are done."""
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
    """Nothing is accepted that could not be stored, and all of it is receipted once there is room again."""
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
    case.injected("a few hundred waiting")
    case.accepted(backlog.put(case.application, [backlog.order(CUSTOMER) for _ in range(300)]))
    case.settle()
