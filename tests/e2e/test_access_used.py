"""A whole run uses every granted action, apart from those that the access model lists as unused."""

import os
import signal
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.identity import WorkloadIdentityCredential
from azure.servicebus.management import ServiceBusAdministrationClient
from localcloud.authorization.issuer import Issuer
from localcloud.authorization.model import TENANT_ID, client_id
from localcloud.cloud import ISSUER_HOST, ISSUER_PATH
from localcloud.cluster.webhook import AUDIENCE
from localcloud.operator.client import connect, run_job

from tests.access import model
from tests.e2e.conftest import Deployment
from tests.e2e.waiting import until
from tests.faults import processes


@pytest.fixture
def operator(stack: Deployment) -> Iterator[httpx.Client]:
    """The local cloud's operator, who may make Jobs."""
    if stack.state is None:
        pytest.skip("needs a local cloud that the tests have started, to make a Job and KEDA's token")
    with connect(stack.state) as client:
        yield client


def test_all_that_is_granted_is_used(
    stack: Deployment, customer: httpx.Client, operator: httpx.Client, tmp_path: Path
) -> None:
    """Orders, the token's journey, a redrive, a repair and KEDA's question use every granted action, or it is
    justified."""
    order_and_read(customer)
    customer.get("/identity").raise_for_status()
    reuse_a_key(customer)
    assert run_job(operator, "redrive", ["resend", "--reason", "IdempotencyKeyReused"], print) == 0
    lose_a_receipt(customer, operator.get("/status").json()["pid"])
    assert run_job(operator, "repair", [], print) == 0
    assert stack.state is not None
    read_the_queues_length(stack.state, str(operator.get("/status").json()["proxy"]), tmp_path / "token")

    used = {
        (entry["workload"], entry["action"], entry["scope"])
        for entry in stack.trail()
        if entry["kind"] == "access" and entry["allowed"]
    }
    unused = {
        pattern
        for workload, pattern, scope in model.granted()
        if not any((workload, scope) == (who, where) and model.covers(pattern, action) for who, action, where in used)
    }
    assert unused == set(model.MODEL["unused"])


def order_and_read(customer: httpx.Client) -> str:
    """An order from its placing to its receipt, and the list of orders. Returns the order's path."""
    path = customer.post("/orders", json={"product": "beans", "quantity": 1}).headers["location"]
    until(lambda: customer.get(path), lambda answer: answer.status_code == 200)
    assert customer.get(f"{path}/receipt").json()["verified"]
    assert customer.get("/orders").json()["orders"]
    return path


def reuse_a_key(customer: httpx.Client) -> None:
    """Leaves a dead letter: the worker refuses a second body under one key."""
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first = customer.post("/orders", json={"product": "beans", "quantity": 1}, headers=key).headers["location"]
    until(lambda: customer.get(first), lambda answer: answer.status_code == 200)
    second = customer.post("/orders", json={"product": "beans", "quantity": 2}, headers=key).headers["location"]
    until(lambda: customer.get(second), lambda answer: answer.status_code == 409)


def lose_a_receipt(customer: httpx.Client, cloud: int) -> None:
    """Leaves an order without its receipt: Azurite, killed, forgets what it has not saved, as it does every 5 s."""
    status = httpx.codes.OK
    while status == httpx.codes.OK:
        path = order_and_read(customer)
        os.kill(processes.azurite(cloud), signal.SIGKILL)
        status = until(
            partial(status_of, customer, f"{path}/receipt"), lambda code: code != httpx.codes.SERVICE_UNAVAILABLE
        )
    assert status == httpx.codes.BAD_GATEWAY


def status_of(customer: httpx.Client, path: str) -> int:
    return customer.get(path).status_code


def read_the_queues_length(state: Path, proxy: str, token: Path) -> None:
    """Read the queue's counts as KEDA does, with the token of its service account, through the proxy."""
    keda = model.MODEL["workloads"]["keda"]
    token.write_text(
        Issuer(f"https://{ISSUER_HOST}{ISSUER_PATH}", state / "issuer-key.pem").issue_token(
            namespace=keda["namespace"],
            service_account=keda["serviceAccount"],
            service_account_uid="keda",
            pod_name="keda-operator-0",
            pod_uid="keda-operator-0",
            audience=AUDIENCE,
            lifetime_seconds=3600,
        )
    )
    way: dict[str, Any] = {"proxies": {"https": proxy}, "connection_verify": str(state / "tls" / "ca.pem")}
    with (
        WorkloadIdentityCredential(
            tenant_id=TENANT_ID, client_id=client_id("keda"), token_file_path=str(token), **way
        ) as credential,
        ServiceBusAdministrationClient("keyless.servicebus.windows.net", credential, **way) as client,
    ):
        client.get_queue_runtime_properties("orders")
