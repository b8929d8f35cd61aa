"""The services' logs beside Entra's trail: you can follow an order, and each token is in both."""

from collections import Counter

import httpx
import pytest

from tests.e2e.conftest import Deployment
from tests.e2e.waiting import until


def test_one_trace_leads_from_the_request_to_the_receipt(stack: Deployment, customer: httpx.Client) -> None:
    """A request without a trace gets one, and its id stands in the frontend's line and in the backend's."""
    order_id = customer.post("/orders", json={"product": "coffee", "quantity": 1}).json()["orderId"]

    def traces(workload: str, event: str) -> list[str]:
        lines = [line for line in stack.logs(workload) if line["event"] == event and line["order_id"] == order_id]
        return [line["trace_id"] for line in lines]

    receipted = until(lambda: traces("backend", "order.receipted"), bool)
    assert traces("frontend", "order.accepted") == receipted


def test_both_services_log_in_one_shape(stack: Deployment) -> None:
    """Each line names its event with dots, its level, its logger and its time."""
    for workload in ("frontend", "backend"):
        own = [line for line in stack.logs(workload) if line["logger"].split(".")[0] == workload]
        assert own
        for line in own:
            assert {"event", "level", "logger", "timestamp"} <= line.keys()
            assert "." in line["event"]
            assert " " not in line["event"]


@pytest.mark.parametrize(("workload", "audiences"), [("frontend", 4), ("backend", 4)])
def test_each_token_is_one_process_and_one_audience(stack: Deployment, workload: str, audiences: int) -> None:
    """Entra issued no token twice: a pod's process has one for each service, and its log names each by its `uti`."""
    logged = [line["uti"] for line in stack.logs(workload) if line["event"] == "token.acquired"]
    issued = [entry for entry in stack.trail() if entry.get("result") == "ok" and entry["workload"] == workload]
    times = Counter((entry["pod"], entry["resource"]) for entry in issued)
    assert set(times.values()) == {1}
    assert len({resource for _, resource in times}) == audiences
    assert sorted(logged) == sorted(entry["uti"] for entry in issued)
