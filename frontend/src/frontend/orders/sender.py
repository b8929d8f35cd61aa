"""Send accepted orders to Service Bus: safe under threads, reconnecting, and bounded in time."""

import threading
import time
from collections.abc import Callable

from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSender
from opentelemetry import trace

from contract import OrderMessage
from frontend.orders.link import Link, Waiting
from workload.tracing import trace_context

_PATIENCE = 8.0  # seconds; a little more than the client's two attempts take
_HANGING = 8  # links at most, each with a thread

_tracer = trace.get_tracer(__name__)


class OrderSender:
    """Send over one link. Orders that come while it sends go together, and each caller is answered for its own.

    A caller waits for `patience` seconds at most. A link that has not answered by then is left to itself, and the next
    order is sent over another.
    """

    def __init__(
        self, servicebus: Callable[[], ServiceBusClient], queue_name: str, patience: float = _PATIENCE
    ) -> None:
        self._servicebus = servicebus
        self._queue_name = queue_name
        self._patience = patience
        self._lock = threading.Lock()
        self._link: Link | None = None
        self._hanging: list[Link] = []

    def send(self, message: OrderMessage) -> None:
        """Send the message, and return when Service Bus has it. Raises one of `SDK_ERRORS`.

        After an error Service Bus may have it all the same, if the answer was lost. A repeat does no harm: within its
        window, the queue drops a second message of the same id.
        """
        with _tracer.start_as_current_span(f"send {self._queue_name}", kind=trace.SpanKind.PRODUCER):
            self._deliver(
                ServiceBusMessage(
                    message.model_dump_json(),
                    message_id=message.message_id,
                    content_type="application/json",
                    application_properties=trace_context(),  # type: ignore[arg-type]  # the worker joins this trace
                )
            )

    def connect(self) -> None:
        """Open the link, or find it open. Raises one of `SDK_ERRORS`."""
        self._deliver(None)

    def close(self) -> None:
        """Send what waits, and close the link."""
        with self._lock:
            links = [*self._hanging, *([self._link] if self._link else [])]
            self._link = None
        for link in links:
            link.close()
        for link in links:
            link.has_ended(self._patience)

    def _deliver(self, message: ServiceBusMessage | None) -> None:
        waiting = Waiting(message, time.monotonic() + self._patience)
        link = self._present_link()
        link.put(waiting)
        try:
            waiting.sent.result(self._patience)
        except TimeoutError:
            if waiting.sent.done():  # the error is the SDK's
                raise
            self._leave(link)
            raise self._no_answer() from None

    def _present_link(self) -> Link:
        with self._lock:
            self._hanging = [link for link in self._hanging if not link.has_ended()]
            if len(self._hanging) >= _HANGING:
                raise self._no_answer()
            if self._link is None:
                self._link = Link(self._open_sender)
            return self._link

    def _leave(self, link: Link) -> None:
        """Use another link from now on. This one closes when it gets an answer."""
        with self._lock:
            if link is self._link:
                self._link = None
                self._hanging.append(link)
                link.close()

    def _open_sender(self) -> ServiceBusSender:
        return self._servicebus().get_queue_sender(self._queue_name)

    def _no_answer(self) -> TimeoutError:
        return TimeoutError(f"no answer from Service Bus within {self._patience:g} seconds")
