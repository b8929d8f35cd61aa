"""The sender's trace, which a message carries in its application properties, goes on here."""

from collections.abc import Iterator
from contextlib import contextmanager

from azure.servicebus import ServiceBusReceivedMessage
from opentelemetry import trace
from structlog.contextvars import bound_contextvars
from workload.tracing import received_context

_tracer = trace.get_tracer(__name__)


@contextmanager
def continued(message: ServiceBusReceivedMessage) -> Iterator[None]:
    """A consumer's span below the sender's. Every log line within carries the message's sequence number."""
    context = received_context(_carried(message))
    with (
        _tracer.start_as_current_span("process order", context=context, kind=trace.SpanKind.CONSUMER),
        bound_contextvars(sequence_number=message.sequence_number),
    ):
        yield


def _carried(message: ServiceBusReceivedMessage) -> dict[str, str]:
    """Return the sender's trace context. A malformed part of it is not among the properties (see `encoded`)."""
    properties = message.application_properties or {}
    found = {name: properties.get(name.encode()) for name in ("traceparent", "tracestate")}
    return {name: value.decode() for name, value in found.items() if isinstance(value, bytes)}
