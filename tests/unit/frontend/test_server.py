"""The frontend under gunicorn: when its threads start, and how they end."""

import signal
import threading

import pytest
from flask import Flask

from frontend.bootstrap import create_app
from tests.e2e.waiting import until
from tests.unit.frontend.fakes import ORDER, SETTINGS, FakeAzure, FakeSender
from tests.unit.frontend.server import served


class TellingSender(FakeSender):
    """A sender that prints a line when it is closed."""

    def close(self) -> None:
        super().close()
        print("the sender is closed", flush=True)


def telling() -> Flask:
    """Build the application over fakes whose senders print a line when they are closed."""
    azure = FakeAzure()
    azure.bus.sender = TellingSender
    return create_app(SETTINGS, azure.clients())


@pytest.mark.parametrize("arguments", [(), ("--preload",)], ids=["loaded by the worker", "loaded before the fork"])
def test_a_worker_becomes_ready_and_accepts_orders(arguments: tuple[str, ...]) -> None:
    """A worker has its threads, if gunicorn loads the application before the fork as well as after it."""
    with served(*arguments) as server, server.client(timeout=30) as client:
        until(lambda: client.get("/readyz"), lambda answer: answer.status_code == 200)
        assert client.post("/orders", json=ORDER).status_code == 202


def test_making_the_application_starts_no_thread() -> None:
    """Threads belong to a process that serves: the first one starts with `start`, the others with their first work."""
    before = set(threading.enumerate())
    app = create_app(SETTINGS, FakeAzure().clients())
    assert set(threading.enumerate()) <= before
    app.extensions["frontend"].start()
    assert [thread.name for thread in set(threading.enumerate()) - before] == ["signing-keys"]
    app.extensions["frontend"].close()


def test_closing_the_application_ends_its_threads_and_its_senders() -> None:
    """`close` ends the threads that `start` and the requests have started, and closes the senders, then the clients."""
    azure = FakeAzure()
    before = set(threading.enumerate())
    clients = azure.clients()
    app = create_app(SETTINGS, clients)
    app.extensions["frontend"].start()
    client = app.test_client()
    assert client.get("/readyz").status_code == 200
    assert client.post("/orders", json=ORDER).status_code == 202
    app.extensions["frontend"].close()
    until(lambda: set(threading.enumerate()) - before, lambda left: not left)
    assert azure.bus.opened
    assert all(sender.closed for sender in azure.bus.opened)
    assert clients.closed


def test_a_worker_that_ends_closes_its_senders() -> None:
    """At SIGTERM, a worker closes its senders before it ends."""
    with served(application="tests.unit.frontend.test_server:telling()") as server:
        with server.client(timeout=30) as client:
            until(lambda: client.post("/orders", json=ORDER), lambda answer: answer.status_code == 202)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        assert "the sender is closed" in server.log.read_text()
