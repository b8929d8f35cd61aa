"""W3C trace context: the ids of the present span in each log line, and the context that goes from process to process.

Only OpenTelemetry's API is used. If an SDK is configured from outside (`opentelemetry-instrument`, or a distribution's
own set-up), it records the spans, and settings such as `OTEL_EXPORTER_OTLP_ENDPOINT` say where they go. Without one,
nothing is recorded, but an order can still be followed through the logs of both services.

https://www.w3.org/TR/trace-context/
"""

from collections.abc import MutableMapping
from typing import Any, Protocol

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator = TraceContextTextMapPropagator()


def trace_context() -> dict[str, str]:
    """Return the present span's context to send: `traceparent`, and `tracestate` if there is one; {} without a span."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier


class Carrier(Protocol):
    """A request's headers, or a message's properties."""

    def get(self, name: str, /) -> str | None: ...


def received_context(carrier: Carrier) -> Context:
    """Return the context that the carrier brought. A malformed one is ignored."""
    return _propagator.extract(carrier)


def add_trace_id(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the ids of the present span, if there is one. This is a structlog processor."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = trace.format_trace_id(span.trace_id)
        event["span_id"] = trace.format_span_id(span.span_id)
    return event
