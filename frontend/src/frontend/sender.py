"""Sends accepted orders to Service Bus: safe under threads, reconnecting, bounded in time."""

import queue
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSender
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from contract import OrderMessage

_tracer = trace.get_tracer(__name__)
_trace_context = TraceContextTextMapPropagator()


class OrderSender:
    """Owns the senders of one queue.

    A sender of the SDK is not thread-safe, and has a connection of its own: each belongs to one thread at a time and
    goes back to the others afterwards, so there are as many as there were sends at once. One that failed is thrown
    away, and the next send connects anew. How long a send may take is the client's `try_timeout` and retries.
    """

    def __init__(self, servicebus: Callable[[], ServiceBusClient], queue_name: str) -> None:
        self._servicebus = servicebus
        self._queue_name = queue_name
        self._idle: queue.LifoQueue[ServiceBusSender] = queue.LifoQueue()

    def send(self, message: OrderMessage, parent: Context | None = None) -> None:
        """Returns when Service Bus has the message; raises one of `DEPENDENCY_ERRORS`.

        After an error it may have it all the same (the answer got lost). The message id makes a repeat harmless:
        within its window the queue drops a second message of the same id.
        """
        with _tracer.start_as_current_span(f"send {self._queue_name}", context=parent, kind=SpanKind.PRODUCER):
            trace_context: dict[str, str] = {}
            _trace_context.inject(trace_context)  # W3C: the worker's spans join this trace
            properties: dict[str | bytes, int | float | bytes | bool | str | uuid.UUID] = {}
            properties.update(trace_context.items())
            with self._sender() as sender:
                sender.send_messages(
                    ServiceBusMessage(
                        message.model_dump_json(),
                        message_id=message.message_id,
                        content_type="application/json",
                        application_properties=properties,
                    )
                )

    def connect(self) -> None:
        """Opens a sender, or sees that there is one; raises one of `DEPENDENCY_ERRORS`."""
        with self._sender():
            pass

    @contextmanager
    def _sender(self) -> Iterator[ServiceBusSender]:
        try:
            sender = self._idle.get_nowait()
        except queue.Empty:
            # Entering it opens the connection and the link, where Service Bus checks the right to send.
            sender = self._servicebus().get_queue_sender(self._queue_name).__enter__()
        try:
            yield sender
        except BaseException:
            sender.close()
            raise
        self._idle.put(sender)
