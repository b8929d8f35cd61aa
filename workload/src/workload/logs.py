"""Structured logs: JSON in a pod, readable on a terminal."""

import sys
from collections.abc import Mapping
from logging.config import dictConfig
from typing import Any, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import Processor

from workload.tracing import add_trace_id

_ADDED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    add_trace_id,
]
_PROCESSORS: list[Processor] = [structlog.stdlib.filter_by_level, *_ADDED, ProcessorFormatter.wrap_for_formatter]
"""One list, since loggers keep the one that they were first used with (`cache_logger_on_first_use`)."""


def configure_logging(levels: Mapping[str, str], stream: TextIO = sys.stdout) -> None:
    """Write the log lines of structlog and of the standard library to the stream, in one form.

    `levels` maps a logger's name to its level. All other loggers log from WARNING.
    """
    dictConfig(logging_config(levels, stream))
    structlog.configure(
        processors=_PROCESSORS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def logging_config(levels: Mapping[str, str], stream: TextIO = sys.stdout) -> dict[str, Any]:
    """Return the same for the standard library alone, as `logging.config.dictConfig` takes it.

    The SDKs' failures come to the workload as exceptions, and are logged if it handles them. So `azure` logs nothing.
    """
    renderers: list[Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if stream.isatty()
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    formatter = {
        "()": ProcessorFormatter,
        "foreign_pre_chain": _ADDED,
        "processors": [ProcessorFormatter.remove_processors_meta, *renderers],
    }
    all_levels = {"workload": "INFO", "azure": "CRITICAL", **levels}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structured": formatter},
        "handlers": {"stream": {"class": "logging.StreamHandler", "formatter": "structured", "stream": stream}},
        "root": {"handlers": ["stream"], "level": "WARNING"},
        "loggers": {name: {"level": level, "handlers": [], "propagate": True} for name, level in all_levels.items()},
    }
