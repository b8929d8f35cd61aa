"""A trace for each request: its id stands in the request's log lines and goes on with its order's message."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from flask import Flask, g, request
from opentelemetry import trace
from workload.tracing import received_context

_tracer = trace.get_tracer(__name__)


def register(app: Flask) -> None:
    """Every request from its first function to its end, whatever comes of it."""
    app.before_request(_begin)
    app.teardown_request(_end)


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
    context = received_context(request.headers)
    with _tracer.start_as_current_span(name, context, trace.SpanKind.SERVER) as span, ExitStack() as stack:
        if not span.get_span_context().is_valid:  # no SDK, and no caller's trace: the trace begins here
            stack.enter_context(trace.use_span(_unrecorded_span()))
        yield


def _unrecorded_span() -> trace.Span:
    """New ids, with the flag that says that nobody recorded this span. (Version 4 UUIDs have no zero halves, as ids
    must not be.)"""
    ids = trace.SpanContext(uuid.uuid4().int, uuid.uuid4().int & (1 << 64) - 1, is_remote=False)
    return trace.NonRecordingSpan(ids)
