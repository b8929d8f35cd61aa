"""The sender's trace, which a message carries in its application properties."""

from collections.abc import Iterator
from contextlib import contextmanager

from azure.servicebus import ServiceBusReceivedMessage
from opentelemetry import trace
from structlog.contextvars import bound_contextvars

from workload.tracing import received_context

_tracer = trace.get_tracer(__name__)


@contextmanager
def sender_trace(message: ServiceBusReceivedMessage) -> Iterator[None]:
    """Continue the sender's trace with a consumer's span. Each log line carries the message's sequence number.

    The properties hold no malformed trace context (see `amqp.encoded_messages`).
    """
    properties = message.application_properties or {}
    found = {name: properties.get(name.encode()) for name in ("traceparent", "tracestate")}
    context = received_context({name: value.decode() for name, value in found.items() if isinstance(value, bytes)})
    with (
        _tracer.start_as_current_span("handle order", context=context, kind=trace.SpanKind.CONSUMER),
        bound_contextvars(sequence_number=message.sequence_number),
    ):
        yield
