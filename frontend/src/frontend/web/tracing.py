"""A trace for each request. Its id stands in the request's log lines, and goes on with the order's message."""

import uuid
from contextlib import ExitStack

from flask import Flask, g, request
from opentelemetry import trace

from workload.tracing import received_context

_tracer = trace.get_tracer(__name__)


def register(app: Flask) -> None:
    """Trace every request from here to its end, also if it fails."""
    app.before_request(_begin)
    app.teardown_request(_end)


def _begin() -> None:
    """Begin the request's span, below the caller's if the caller sent one."""
    g.trace = ExitStack()
    if trace.get_current_span().get_span_context().is_valid:  # an instrumentation of Flask has begun one
        return
    name = f"{request.method} {request.url_rule or ''}".rstrip()
    context = received_context(request.headers)
    span = g.trace.enter_context(_tracer.start_as_current_span(name, context, trace.SpanKind.SERVER))
    if not span.get_span_context().is_valid:  # there is no SDK and no caller's trace, so the trace begins here
        g.trace.enter_context(trace.use_span(_unrecorded_span()))


def _end(_error: BaseException | None) -> None:
    if "trace" in g:  # a request whose session could not be opened has none
        g.pop("trace").close()


def _unrecorded_span() -> trace.Span:
    """Return a span with new ids, and with the flag that says that it is not recorded.

    An id must not be zero: a UUID of version 4 has no half that is.
    """
    ids = trace.SpanContext(uuid.uuid4().int, uuid.uuid4().int & (1 << 64) - 1, is_remote=False)
    return trace.NonRecordingSpan(ids)
