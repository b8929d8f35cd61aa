"""Log lines, and the trace that they carry."""

import json
import subprocess
import sys

import pytest
import structlog
from opentelemetry import trace
from structlog.testing import capture_logs

from workload.tracing import add_trace_id, received_context, trace_context

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


def written(code: str) -> list[dict[str, object]]:
    """What a process of its own logs with this code."""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr == ""
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_all_lines_are_json_of_one_form() -> None:
    """Structlog's lines and the standard library's: time, level, logger and event, and a traceback in one line."""
    lines = written(
        "import logging, structlog\n"
        "from workload.logs import configure_logging\n"
        "configure_logging({'shop': 'INFO'})\n"
        "structlog.get_logger('shop').info('opened', door=1)\n"
        "logging.getLogger('library').warning('%s of %s', 1, 2)\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    structlog.get_logger('shop').exception('failed')\n"
    )
    assert [(line["level"], line["logger"], line["event"]) for line in lines] == [
        ("info", "shop", "opened"),
        ("warning", "library", "1 of 2"),
        ("error", "shop", "failed"),
    ]
    assert all(str(line["timestamp"]).endswith("Z") for line in lines)
    assert "ZeroDivisionError" in str(lines[2]["exception"])


def test_only_what_is_named_logs_from_info() -> None:
    """Libraries log from WARNING. The Azure SDKs log nothing: a failure is logged by the workload that handles it."""
    lines = written(
        "import logging\n"
        "from workload.logs import configure_logging\n"
        "configure_logging({'shop': 'INFO'})\n"
        "for name in ('shop', 'shop.till', 'workload.tokens', 'library', 'azure.identity'):\n"
        "    logging.getLogger(name).info('said')\n"
        "    logging.getLogger(name).error('failed')\n"
    )
    assert [(line["logger"], line["event"]) for line in lines] == [
        ("shop", "said"),
        ("shop", "failed"),
        ("shop.till", "said"),
        ("shop.till", "failed"),
        ("workload.tokens", "said"),
        ("workload.tokens", "failed"),
        ("library", "failed"),
    ]


def test_importing_the_package_configures_nothing() -> None:
    """Logging is as Python has it until the workload asks for more."""
    code = (
        "import logging, structlog\n"
        "import workload.aio, workload.credential, workload.failure, workload.logs, workload.settings\n"
        "assert not logging.getLogger().handlers and not structlog.is_configured()\n"
    )
    assert written(code) == []


def test_a_trace_goes_on_from_what_was_received_to_what_is_sent() -> None:
    """Its ids stand in the log lines in between."""
    received = {"traceparent": PARENT, "tracestate": "a=1"}
    span = trace.get_current_span(received_context(received))
    with capture_logs(processors=[add_trace_id]) as lines, trace.use_span(span):
        structlog.get_logger().info("said")
        assert trace_context() == received
    assert (lines[0]["trace_id"], lines[0]["span_id"]) == (TRACE, SPAN)


@pytest.mark.parametrize("carrier", [{}, {"traceparent": "nonsense"}, {"traceparent": f"00-{'0' * 32}-{SPAN}-01"}])
def test_without_a_trace_a_line_has_no_ids(carrier: dict[str, str]) -> None:
    """A malformed context counts as none."""
    span = trace.get_current_span(received_context(carrier))
    with capture_logs(processors=[add_trace_id]) as lines, trace.use_span(span):
        structlog.get_logger().info("said")
        assert trace_context() == {}
    assert "trace_id" not in lines[0]
