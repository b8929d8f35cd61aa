"""A service of Azure fails, in each of the ways in which one does: what was accepted is receipted all the same."""

import os
import signal

import httpx
import pytest

from tests.e2e.waiting import until
from tests.faults.case import Case

KINDS = ("down", "silent", "resetting", "slow", "throttling", "failing")
QUICK = {("keyvault", "throttling"), ("cosmos", "down"), ("blob", "resetting"), ("servicebus", "silent")}
OUTAGES = [
    pytest.param(service, kind, marks=[pytest.mark.quick] if (service, kind) in QUICK else [])
    for service in ("keyvault", "cosmos", "blob", "servicebus")
    for kind in KINDS
]


@pytest.mark.parametrize(("service", "kind"), OUTAGES)
def test_an_outage_loses_nothing(case: Case, service: str, kind: str) -> None:
    """Orders placed before, during and after it are receipted, once each, soon after the service works again."""
    with case.customers() as customers:
        customers.place_more(5)
        with case.fault(service, kind, seconds=2):
            until(lambda: case.application.met(service), lambda met: met >= 3)
        customers.place_more(5)
    case.settle()


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_that_starts_during_an_outage_of_entra_waits(case: Case, kind: str) -> None:
    """A process that has no token yet gets one when Entra answers again, and until then says on `/readyz` what is
    missing."""
    with case.customers() as customers:
        customers.place_more(5)
        with case.fault("entra", kind, seconds=2):
            os.kill(case.application.worker(), signal.SIGKILL)
            until(lambda: case.application.met("entra"), lambda met: met >= 3)
        customers.place_more(5)
    case.settle()


@pytest.mark.parametrize("kind", [pytest.param("down", marks=pytest.mark.quick), "failing"])
def test_nothing_is_accepted_that_service_bus_does_not_have(case: Case, kind: str) -> None:
    """While it takes nothing, every order is answered with a 503 that says when to try again."""
    with case.fault("servicebus", kind):
        order = {"product": "Lantern", "quantity": 1}
        answers = [httpx.post(f"{case.application.url}/orders", json=order, trust_env=False) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [503] * 3, "an order was accepted"
        assert all(answer.headers["retry-after"] for answer in answers)
    case.settle()


@pytest.mark.quick
def test_an_order_whose_answer_was_lost_is_one_order(case: Case) -> None:
    """Service Bus has the message, but its answer was lost. Placed again under its key, it is the same order."""
    with case.customers(1) as customers:
        customers.place_more(10)  # so that connections are open, over which the next one arrives
        with case.fault("servicebus", "resetting"):
            customers.fail_more(2)
        customers.place_more(1)
    case.settle()


@pytest.mark.parametrize("service", [pytest.param("cosmos", marks=pytest.mark.quick), "blob"])
def test_a_worker_that_is_killed_during_an_outage_loses_nothing(case: Case, service: str) -> None:
    """The orders that it had in its hands, none of which it could finish, are done by its next process."""
    with case.customers() as customers:
        customers.place_more(5)
        with case.fault(service, "silent"):
            customers.place_more(5)
            until(lambda: case.application.met(service), lambda met: met >= 1)
            os.kill(case.application.worker(), signal.SIGKILL)
    case.settle()


@pytest.mark.quick
def test_no_document_is_there_before_its_receipt(case: Case) -> None:
    """While Blob Storage is down no order gets a document, since it would be told to be receipted."""
    with case.customers() as customers:
        customers.place_more(5)
    until(case.waiting, lambda waiting: waiting == 0)
    with case.customers() as others, case.fault("blob", "down"):
        others.place_more(5)
        until(lambda: case.application.met("blob"), lambda met: met >= 10)
        assert case.ledger.documents(others.ids) == [], "there is a document without its receipt"
    case.settle()


def test_an_order_that_takes_longer_than_its_lock_is_done_once(case: Case) -> None:
    """Its lock is renewed for as long as the worker works on it: no second delivery, and its settlement is taken."""
    before = lost_settlements(case)
    with case.customers(1) as customers:
        customers.place_more(1)
        with case.fault("cosmos", "slow", seconds=5.5):  # longer than a lock, and shorter than a call may take
            customers.place_more(3)
    case.settle()
    assert lost_settlements(case) == before, "a lock has run out"


def lost_settlements(case: Case) -> int:
    """How often a worker's settlement was not taken, so far."""
    return [line["event"] for line in case.application.log_lines("backend")].count("message.not_settled")


def test_the_worker_comes_back_when_it_is_asked_to(case: Case) -> None:
    """However long Cosmos DB throttles, no pause is longer than it asks for, though the worker's own would grow."""
    with case.customers() as customers, case.fault("cosmos", "throttling", seconds=1):
        customers.place_more(5)
        until(lambda: case.application.met("cosmos"), lambda met: met >= 100, timeout=60)
    case.settle()
    lines = case.application.log_lines("backend")
    pauses = [
        line["pause"] for line in lines if line["event"] == "message.waiting" and "rate is large" in line["reason"]
    ]
    assert pauses
    assert max(pauses) <= 1, "a pause was longer than it was asked for"


def test_a_long_outage_of_everything_is_over_at_once(case: Case) -> None:
    """All of Azure is down until every pause has grown to its longest: then all is well within seconds."""
    services = ("entra", "keyvault", "cosmos", "blob", "servicebus")
    case.injected("all services down")
    with case.customers() as customers:
        customers.place_more(5)
        for service in services:
            case.application.begin_fault(service, "down")
        customers.fail_more(12)
        until(lambda: case.application.met("keyvault"), lambda met: met >= 40, timeout=60)
        for service in services:
            case.application.end_fault(service)
        case.recovers()
        customers.place_more(5)
    case.settle()
