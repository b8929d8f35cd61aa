"""W3C trace context: each request has a trace, whose id stands in its log lines and goes on with its order's message.

Only OpenTelemetry's API is used. Where an SDK is configured from outside (`opentelemetry-instrument`, or a
distribution's own set-up), its spans are the ones here, and settings such as `OTEL_EXPORTER_OTLP_ENDPOINT` say where
they go. Without one nothing is recorded, but an order can still be followed through the logs of both services.

https://www.w3.org/TR/trace-context/
"""

import uuid
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from typing import Any

from flask import Flask, g, request
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_tracer = trace.get_tracer(__name__)
_trace_context = TraceContextTextMapPropagator()


def register(app: Flask) -> None:
    """Every request from its first function to its end, whatever comes of it."""
    app.before_request(_begin)
    app.teardown_request(_end)


def add_trace_id(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: the ids of the present span, where there is one."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = trace.format_trace_id(span.trace_id)
        event["span_id"] = trace.format_span_id(span.span_id)
    return event


def message_properties() -> dict[str, str]:
    """The present trace as a message's application properties: `traceparent`, and `tracestate` where there is one."""
    properties: dict[str, str] = {}
    _trace_context.inject(properties)
    return properties


def _begin() -> None:
    g.trace = ExitStack()
    if not trace.get_current_span().get_span_context().is_valid:  # an instrumentation of Flask may have begun one
        g.trace.enter_context(_server_span())


def _end(_error: BaseException | None) -> None:
    if "trace" in g:  # not where opening the session failed
        g.pop("trace").close()


@contextmanager
def _server_span() -> Iterator[None]:
    """The request's span, below the caller's if the caller sent one."""
    name = f"{request.method} {request.url_rule or ''}".rstrip()
    context = _trace_context.extract(request.headers)
    with _tracer.start_as_current_span(name, context, trace.SpanKind.SERVER) as span, ExitStack() as stack:
        if not span.get_span_context().is_valid:  # no SDK, and no caller's trace: the trace begins here
            stack.enter_context(trace.use_span(_unrecorded_span()))
        yield


def _unrecorded_span() -> trace.Span:
    """New ids, with the flag that says that nobody recorded this span. (Version 4 UUIDs have no zero halves, as ids
    must not be.)"""
    ids = trace.SpanContext(uuid.uuid4().int, uuid.uuid4().int & (1 << 64) - 1, is_remote=False)
    return trace.NonRecordingSpan(ids)
