"""Processes that are killed, stopped and restarted while orders flow: what was accepted is receipted, once."""

import os
import signal
from collections.abc import Callable

import pytest

from tests.e2e.waiting import until
from tests.faults import processes
from tests.faults.application import Application
from tests.faults.case import Case
from tests.faults.customers import Customers

VICTIMS: dict[str, Callable[[Application], int]] = {
    "worker": lambda application: application.worker(),
    "gunicorn's worker": lambda application: application.gunicorn()[1],
    "gunicorn's master": lambda application: application.gunicorn()[0],
}


@pytest.mark.quick
@pytest.mark.parametrize("victim", VICTIMS)
def test_a_killed_process_loses_nothing(case: Case, victim: str) -> None:
    """After SIGKILL it is started again, and each order is receipted once."""
    case.injected("SIGKILL")
    with case.customers() as customers:
        customers.place_more(10)
        killed = VICTIMS[victim](case.application)
        os.kill(killed, signal.SIGKILL)
        case.recovers()
        customers.place_more(10)
    assert processes.alive([killed]) == set()
    case.settle()


def test_a_killed_local_cloud_loses_nothing_and_leaves_nothing(case: Case) -> None:
    """After SIGKILL with orders pending and the same state: each order receipted once, the sessions as they were, and
    no process of the first run left."""
    application = case.application
    case.injected("SIGKILL")
    with case.customers() as customers:
        customers.place_more(10)
        os.kill(application.worker(), signal.SIGSTOP)  # so that what is placed from now on is pending
        customers.place_more(10)
        first_run = processes.family(application.stack.pid)
        assert any("azurite" in command for command in first_run.values())
        application.signal(signal.SIGKILL)
        until(lambda: processes.alive(first_run), lambda left: not left)
        application.start()
        case.recovers()
        customers.place_more(10)
    case.settle()


@pytest.mark.parametrize("victim", [*VICTIMS, "Azurite"])
def test_a_stopped_process_loses_nothing(case: Case, victim: str) -> None:
    """SIGSTOP until its pod is no longer ready, longer than a message's lock, and then SIGCONT: it goes on."""
    application = case.application
    case.injected("SIGSTOP, SIGCONT")
    with case.customers() as customers:
        customers.place_more(10)
        stopped = processes.azurite(application.stack.pid) if victim == "Azurite" else VICTIMS[victim](application)
        os.kill(stopped, signal.SIGSTOP)
        try:
            if victim == "gunicorn's master":  # which the requests do not need
                customers.place_more(20)
            else:
                until(lambda: application.pods("backend") + application.pods("frontend"), some_not_ready, timeout=60)
        finally:
            os.kill(stopped, signal.SIGCONT)
        case.recovers()
        customers.place_more(10)
    case.settle()


def test_a_stopped_local_cloud_loses_nothing(case: Case) -> None:
    """SIGSTOP of everything that stands for Azure and the cluster at once, and then SIGCONT."""
    case.injected("SIGSTOP, SIGCONT")
    with case.customers() as customers:
        customers.place_more(10)
        os.kill(case.application.stack.pid, signal.SIGSTOP)
        try:
            customers.fail_more(3)
        finally:
            os.kill(case.application.stack.pid, signal.SIGCONT)
        case.recovers()
        customers.place_more(10)
    case.settle()


@pytest.mark.parametrize("workload", ["frontend", "backend"])
def test_a_rolling_restart_fails_no_request(case: Case, workload: str) -> None:
    """While the pod is replaced, every request is answered, and every order receipted."""
    application = case.application
    case.injected("rolling restart")
    before = application.pod(workload)["name"]
    with case.customers() as customers:
        customers.place_more(10)
        application.restart(workload)
        case.recovers()
        customers.place_more(10)
    assert application.pod(workload)["name"] != before
    assert customers.failures == []
    case.settle()


def test_an_orderly_stop_keeps_everything(application: Application) -> None:
    """Ctrl-C ends every process; after the next start, earlier orders are listed with their receipts."""
    with Customers(application.url) as customers:
        customers.place_more(10)
    receipts = customers.receipts()
    first_run = processes.family(application.stack.pid)
    application.signal(signal.SIGINT)
    assert processes.alive(first_run) == set()
    application.start()
    assert customers.receipts() == receipts


def some_not_ready(pods: list[dict[str, object]]) -> bool:
    return any(not pod["ready"] for pod in pods)
