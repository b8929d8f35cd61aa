"""One trace for each request. Its id stands in the log lines and in the message."""

import pytest
from flask.testing import FlaskClient
from opentelemetry import trace
from structlog.testing import capture_logs

from tests.unit.frontend.fakes import ORDER, FakeAzure
from workload.tracing import add_trace_id

CALLERS = "0af7651916cd43dd8448eb211c80319c"


def trace_logged(client: FlaskClient, **headers: str) -> str:
    """Place an order, and return the trace id of its log line."""
    with capture_logs(processors=[add_trace_id]) as logs:
        assert client.post("/orders", json=ORDER, headers=headers).status_code == 202
    (accepted,) = [line for line in logs if line["event"] == "order.accepted"]
    return str(accepted["trace_id"])


def test_a_callers_trace_goes_on(client: FlaskClient, azure: FakeAzure) -> None:
    """The W3C trace id of the request is the one in the log and in the message's application properties."""
    assert trace_logged(client, traceparent=f"00-{CALLERS}-b7ad6b7169203331-01") == CALLERS
    (message,) = azure.bus.messages
    assert message.application_properties["traceparent"].split("-")[1] == CALLERS


@pytest.mark.parametrize("headers", [{}, {"traceparent": "nonsense"}, {"traceparent": f"00-{'0' * 32}-{'0' * 16}-01"}])
def test_without_one_a_trace_begins_here(client: FlaskClient, azure: FakeAzure, headers: dict[str, str]) -> None:
    """Each request gets a trace of its own. Its flags say that the first span is not recorded."""
    logged = [trace_logged(client, **headers) for _ in range(2)]
    sent = [message.application_properties["traceparent"].split("-") for message in azure.bus.messages]
    assert [fields[1] for fields in sent] == logged
    assert len(set(logged)) == 2
    assert {(fields[0], fields[3]) for fields in sent} == {("00", "00")}


def test_a_trace_ends_with_its_request(client: FlaskClient) -> None:
    """After each request, also after one that fails, the thread has no trace."""
    for path in ("/healthz", "/nowhere", "/orders/made-up", "/static/page.css"):
        client.get(path)
        assert not trace.get_current_span().get_span_context().is_valid
