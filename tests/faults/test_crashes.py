"""Crashes, restarts and stops while orders flow: whatever was accepted is receipted, once."""

import os
import signal
import time

from tests.e2e.waiting import until
from tests.faults import processes
from tests.faults.application import Application
from tests.faults.customers import Customers


def test_a_killed_local_cloud_loses_nothing_and_leaves_nothing(application: Application) -> None:
    """After SIGKILL with orders pending and the same state: each order receipted once, the sessions as they were, and
    no process of the first run left."""
    with Customers(application.url) as customers:
        customers.place_more(10)
        os.kill(application.worker(), signal.SIGSTOP)  # so that what is placed from now on is pending
        customers.place_more(10)
        first_run = processes.family(application.stack.pid)
        assert any("azurite" in command for command in first_run.values())
        application.signal(signal.SIGKILL)
        until(lambda: processes.alive(first_run), lambda left: not left)
        application.start()
        customers.place_more(10)
    assert len(customers.receipts()) == customers.placed


def test_a_killed_worker_loses_nothing(application: Application) -> None:
    """A worker killed with SIGKILL is started again, and each order is receipted once."""
    before = application.pod("backend")["restarts"]
    with Customers(application.url) as customers:
        customers.place_more(10)
        os.kill(application.worker(), signal.SIGKILL)
        customers.place_more(10)
    until(lambda: application.pod("backend"), lambda pod: pod["restarts"] == before + 1 and pod["ready"])
    assert customers.failures == []
    assert len(customers.receipts()) == customers.placed


def test_a_rolling_restart_fails_no_request(application: Application) -> None:
    """While the frontend's pod is replaced, every request is answered."""
    before = application.pod("frontend")["name"]
    with Customers(application.url) as customers, application.stack.control() as control:
        customers.place_more(10)
        control.post("/deployments/frontend/restart").raise_for_status()
        customers.place_more(10)
    assert application.pod("frontend")["name"] != before
    assert customers.failures == []
    assert len(customers.receipts()) == customers.placed


def test_an_orderly_stop_is_quick_and_keeps_everything(application: Application) -> None:
    """Ctrl-C ends every process within seconds; after the next start, earlier orders are listed with their receipts."""
    with Customers(application.url) as customers:
        customers.place_more(10)
    receipts = customers.receipts()
    first_run = processes.family(application.stack.pid)
    began = time.monotonic()
    application.signal(signal.SIGINT)
    assert time.monotonic() - began < 8, "on an idle machine it takes 2 s"
    assert processes.alive(first_run) == set()
    application.start()
    assert customers.receipts() == receipts
