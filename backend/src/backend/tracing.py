"""W3C trace context through the queue: the frontend's span, carried in application properties, goes on here.

Only OpenTelemetry's API is used: without an SDK, which is configured from outside, nothing is recorded, and the log
lines carry the ids that came with the message.

https://www.w3.org/TR/trace-context/
"""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from structlog.contextvars import bound_contextvars

_tracer = trace.get_tracer(__name__)
_trace_context = TraceContextTextMapPropagator()


@contextmanager
def continued(message: ServiceBusReceivedMessage) -> Iterator[None]:
    """A consumer's span below the sender's. Every log line within carries the message's sequence number."""
    context = _trace_context.extract(_carried(message))
    with (
        _tracer.start_as_current_span("process order", context=context, kind=trace.SpanKind.CONSUMER),
        bound_contextvars(sequence_number=message.sequence_number),
    ):
        yield


def _carried(message: ServiceBusReceivedMessage) -> dict[str, str]:
    """Return the sender's trace context. A malformed part of it is not among the properties (see `encoded`)."""
    properties = message.application_properties or {}
    found = {name: properties.get(name.encode()) for name in _trace_context.fields}
    return {name: value.decode() for name, value in found.items() if isinstance(value, bytes)}


def add_trace_id(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: the ids of the present span, if there is one."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = trace.format_trace_id(span.trace_id)
        event["span_id"] = trace.format_span_id(span.span_id)
    return event
