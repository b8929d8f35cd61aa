"""Send accepted orders to Service Bus: safe under threads, reconnecting, and bounded in time."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSender
from opentelemetry import trace

from contract import OrderMessage
from workload.tracing import trace_context

_SENDERS = 8  # each with a connection of its own: at 10 ms to the broker and back, 800 orders a second
_PATIENCE = 8.0  # seconds; a little more than the client's two attempts take

_tracer = trace.get_tracer(__name__)


class OrderSender:
    """Keep a few senders open, and let each send one message at a time: the SDK's sender is not thread-safe.

    They send in threads, which start with the first message. The caller waits for `patience` seconds at most: the
    SDK's own `try_timeout` does not bound a TLS or SASL handshake that is never answered.

    If one sender fails, all are replaced. The broker's end of their connections may be gone as well, and each would
    need a caller's order to find that out.
    """

    def __init__(
        self, servicebus: Callable[[], ServiceBusClient], queue_name: str, patience: float = _PATIENCE
    ) -> None:
        self._servicebus = servicebus
        self._queue_name = queue_name
        self._patience = patience
        self._threads = ThreadPoolExecutor(_SENDERS, thread_name_prefix="sender")
        self._lock = threading.Lock()
        self._idle: list[ServiceBusSender] = []  # replaced by a new list when a sender fails

    def send(self, message: OrderMessage) -> None:
        """Send the message, and return when Service Bus has it. Raises one of `SDK_ERRORS`.

        After an error Service Bus may have it all the same, if the answer was lost. A repeat does no harm: within its
        window, the queue drops a second message of the same id.
        """
        with _tracer.start_as_current_span(f"send {self._queue_name}", kind=trace.SpanKind.PRODUCER):
            outgoing = ServiceBusMessage(
                message.model_dump_json(),
                message_id=message.message_id,
                content_type="application/json",
                application_properties=trace_context(),  # type: ignore[arg-type]  # the worker's spans join this trace
            )
            self._run(lambda sender: sender.send_messages(outgoing))

    def connect(self) -> None:
        """Open a sender's link, or find one open. Raises one of `SDK_ERRORS`."""
        self._run(lambda _sender: None)

    def close(self) -> None:
        """Stop the threads after what they are sending, and close the senders."""
        self._threads.shutdown(cancel_futures=True)
        for sender in self._idle:
            _close(sender)

    def _run(self, act: Callable[[ServiceBusSender], None]) -> None:
        done = self._threads.submit(self._with_a_sender, act)
        try:
            done.result(self._patience)
        except TimeoutError:
            if done.cancel() or not done.done():  # a message that no thread has begun to send is not sent any more
                raise TimeoutError(f"no answer from Service Bus within {self._patience:g} seconds") from None
            raise

    def _with_a_sender(self, act: Callable[[ServiceBusSender], None]) -> None:
        """Take an idle sender or open one, and use it."""
        with self._lock:
            idle = self._idle
            sender = idle.pop() if idle else None
        try:
            # Service Bus checks the right to send when the link is opened.
            sender = sender or self._servicebus().get_queue_sender(self._queue_name).__enter__()
            act(sender)
        except Exception:
            with self._lock:
                if idle is self._idle:
                    self._idle = []
                    self._close_later(*idle)
            if sender:
                self._close_later(sender)
            raise
        with self._lock:
            if idle is self._idle:
                idle.append(sender)
            else:
                self._close_later(sender)

    def _close_later(self, *senders: ServiceBusSender) -> None:
        """Close them in a thread, so that the caller does not wait for it."""
        for sender in senders:
            self._threads.submit(_close, sender)


def _close(sender: ServiceBusSender) -> None:
    with suppress(Exception):  # it is not used again, so its error does not matter
        sender.close()
