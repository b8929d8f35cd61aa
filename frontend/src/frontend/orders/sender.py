"""Sends accepted orders to Service Bus: safe under threads, reconnecting, bounded in time."""

import queue
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSender
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from contract import OrderMessage
from frontend.tracing import message_properties

_OWNERS = 8  # threads, each with a connection of its own: at 10 ms to the broker and back, 800 orders a second
_PATIENCE = 8.0  # seconds; a little more than the client's two attempts take
_FAREWELL = 2.0  # seconds for the senders to close their links

_tracer = trace.get_tracer(__name__)

Task = Callable[[ServiceBusSender], None]


class OrderSender:
    """Hands messages to threads that own a sender each, since a sender of the SDK is not thread-safe.

    `start` starts the threads and `close` ends them. A sender that failed is closed, and its owner connects anew for
    the next message. So do all others: the broker's end of their connections may be gone as well, and to find that out
    would cost each of them a caller's order. Callers wait for `patience` seconds at the most: the SDK's own
    `try_timeout` does not bound a TLS or SASL handshake that is never answered.
    """

    def __init__(
        self, servicebus: Callable[[], ServiceBusClient], queue_name: str, patience: float = _PATIENCE
    ) -> None:
        self._servicebus = servicebus
        self._queue_name = queue_name
        self._patience = patience
        self._tasks: queue.SimpleQueue[tuple[Future[None], Task] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._owners: list[threading.Thread] = []
        self._failures = 0

    def start(self) -> None:
        """Start the threads, unless they run already."""
        if self._owners:
            return
        with self._lock:
            if not self._owners:
                names = [f"sender-{number}" for number in range(_OWNERS)]
                self._owners = [threading.Thread(target=self._own, name=name, daemon=True) for name in names]
                for owner in self._owners:
                    owner.start()

    def close(self) -> None:
        """End the threads, each of which closes its sender: after what was asked before, and within two seconds."""
        with self._lock:
            owners, self._owners = self._owners, []
        for _ in owners:
            self._tasks.put(None)
        deadline = time.monotonic() + _FAREWELL
        for owner in owners:
            owner.join(max(0.0, deadline - time.monotonic()))

    def send(self, message: OrderMessage) -> None:
        """Returns when Service Bus has the message; raises one of `DEPENDENCY_ERRORS`.

        After an error it may have it all the same (the answer got lost). The message id makes a repeat harmless:
        within its window the queue drops a second message of the same id.
        """
        with _tracer.start_as_current_span(f"send {self._queue_name}", kind=SpanKind.PRODUCER):
            properties: dict[str | bytes, int | float | bytes | bool | str | uuid.UUID] = {}
            properties.update(message_properties().items())  # the worker's spans join this trace
            outgoing = ServiceBusMessage(
                message.model_dump_json(),
                message_id=message.message_id,
                content_type="application/json",
                application_properties=properties,
            )
            self._run(lambda sender: sender.send_messages(outgoing))

    def connect(self) -> None:
        """Opens a sender's link, or finds one open; raises one of `DEPENDENCY_ERRORS`."""
        self._run(lambda _sender: None)

    def _run(self, task: Task) -> None:
        if not self._owners:
            raise RuntimeError("the sender is not started")
        done: Future[None] = Future()
        self._tasks.put((done, task))
        try:
            done.result(self._patience)
        except TimeoutError:
            if not done.done():
                done.cancel()  # where no owner has taken it yet, it will not be sent after its sender was told no
                raise TimeoutError(f"no answer from Service Bus within {self._patience:g} seconds") from None
            raise

    def _own(self) -> None:
        sender: ServiceBusSender | None = None
        failures = 0  # how many there were when the sender was opened
        while asked := self._tasks.get():
            done, task = asked
            if not done.set_running_or_notify_cancel():
                continue
            try:
                if failures != self._failures:
                    _close(sender)
                    sender = None
                if sender is None:
                    failures = self._failures
                    # Entering it opens the connection and the link, where Service Bus checks the right to send.
                    sender = self._servicebus().get_queue_sender(self._queue_name).__enter__()
                task(sender)
            except Exception as error:
                done.set_exception(error)
                if failures == self._failures:
                    self._failures += 1
                _close(sender)
                sender = None
            else:
                done.set_result(None)
        _close(sender)


def _close(sender: ServiceBusSender | None) -> None:
    if sender is not None:
        with suppress(Exception):  # it is not used again, so what it says does not matter
            sender.close()
