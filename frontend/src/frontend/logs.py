"""Structured logs: JSON in a pod, readable on a terminal. A token is never logged; its `uti` is (see `credential`)."""

import sys
from typing import Any

import structlog
from structlog.typing import Processor

from frontend.tracing import add_trace_id

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    add_trace_id,
]

_RENDERERS: list[Processor] = (
    [structlog.dev.ConsoleRenderer()]
    if sys.stdout.isatty()
    else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
)

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structured": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": _SHARED,
            "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_RENDERERS],
        }
    },
    "handlers": {"stdout": {"class": "logging.StreamHandler", "formatter": "structured", "stream": "ext://sys.stdout"}},
    "root": {"handlers": ["stdout"], "level": "INFO"},
    "loggers": {
        "azure": {"level": "CRITICAL"},  # failures come to us as exceptions, and are logged where they are answered
        "gunicorn.error": {"handlers": [], "propagate": True},
        "gunicorn.access": {"handlers": [], "level": "WARNING"},
    },
}
"""For `logging.config.dictConfig`: the libraries' records take the same form as our own."""

structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_SHARED,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
