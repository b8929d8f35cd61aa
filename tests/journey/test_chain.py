"""The journey names the link that is broken, whichever it is, and grey is what comes after it."""

import re
from typing import Any

import httpx
import pytest
from localcloud.testing import RunningCloud

from tests.e2e.waiting import until
from tests.journey import workloads
from tests.journey.workloads import Fault, serving

OK, FAILED, UNREACHED = "ok", "failed", "unreached"
REACHED_NONE = [UNREACHED] * 4
HTML = {"Accept": "text/html"}


def links(found: dict[str, Any]) -> list[str]:
    """Return the states: the projected token, the exchange, Key Vault, Service Bus, Cosmos DB, Blob Storage."""
    accesses = [access["state"] for access in found["accesses"]]
    return [found["projected"]["state"], found["exchange"]["state"], *accesses]


def differing(found: dict[str, Any]) -> list[str]:
    return [part["name"] for part in found["exchange"]["compared"] if part["same"] is False]


BEFORE_SERVICES: dict[str, tuple[Fault, list[str], str, list[str]]] = {
    # the fault, the states of the first two links, Entra's or the SDK's code, what is marked as different
    "not labelled": (
        workloads.NOT_LABELLED,
        [FAILED, UNREACHED],
        "ValueError",
        ["iss", "sub", "aud", "AZURE_CLIENT_ID", "AZURE_TENANT_ID"],
    ),
    "not annotated": (workloads.NOT_ANNOTATED, [OK, FAILED], "ValueError", ["AZURE_CLIENT_ID"]),
    "no token file": (workloads.NO_TOKEN_FILE, [FAILED, UNREACHED], "FileNotFoundError", ["iss", "sub", "aud"]),
    "expired": (workloads.EXPIRED, [FAILED, UNREACHED], "AADSTS700024", []),
    "another namespace": (workloads.ANOTHER_NAMESPACE, [OK, FAILED], "AADSTS700213", ["sub"]),
    "another audience": (workloads.ANOTHER_AUDIENCE, [OK, FAILED], "AADSTS700212", ["aud"]),
    "another's client id": (workloads.ANOTHERS_CLIENT_ID, [OK, FAILED], "AADSTS700213", ["AZURE_CLIENT_ID"]),
    "unknown client id": (workloads.UNKNOWN_CLIENT_ID, [OK, FAILED], "AADSTS700016", ["AZURE_CLIENT_ID"]),
    "another tenant": (workloads.ANOTHER_TENANT, [OK, FAILED], "AADSTS90002", ["AZURE_TENANT_ID"]),
    "no such Entra": (workloads.NO_SUCH_ENTRA, [OK, FAILED], "ServiceRequestError", []),
}


@pytest.mark.parametrize("fault", BEFORE_SERVICES)
def test_a_link_before_the_services_is_named_and_what_follows_is_grey(cloud: RunningCloud, fault: str) -> None:
    """The broken link fails with one code, the parts that differ are marked, and each service is unreached."""
    broken, first, code, different = BEFORE_SERVICES[fault]
    with serving("frontend", cloud, broken) as url:
        found = httpx.get(f"{url}/identity", trust_env=False, timeout=20).json()
        page = httpx.get(f"{url}/identity", headers=HTML, trust_env=False, timeout=20).text
    assert links(found) == first + REACHED_NONE
    assert found["exchange"]["failure"]["code"] == code
    assert differing(found) == different
    assert page.count(f"<dt>Code</dt><dd><code>{code}</code></dd>") == 1


GRANTED = {
    "frontend": [
        ("Key Vault Secrets User", "keyVault/frontend-signing-key"),
        ("Azure Service Bus Data Sender", "serviceBus/orders"),
        ("Keyless Order Reader", "cosmos/orders"),
        ("Storage Blob Data Reader", "blob/receipts"),
    ],
    "backend": [
        ("Key Vault Secrets User", "keyVault/receipt-signing-key"),
        ("Azure Service Bus Data Receiver", "serviceBus/orders"),
        ("Keyless Order Writer", "cosmos/orders"),
        ("Keyless Receipt Writer", "blob/receipts"),
    ],
}


@pytest.mark.parametrize("missing", range(4), ids=["Key Vault", "Service Bus", "Cosmos DB", "Blob Storage"])
@pytest.mark.parametrize("workload", GRANTED)
def test_a_missing_role_breaks_one_link_and_is_named(cloud: RunningCloud, workload: str, missing: int) -> None:
    """The service fails, the others are let in, and the page says which role on which entity was meant."""
    role, scope = GRANTED[workload][missing]
    expected = [OK] * 2 + [FAILED if number == missing else OK for number in range(4)]
    with serving(workload, cloud, Fault(revoked={workload: (role, scope)})) as url:
        found = until(
            lambda: httpx.get(f"{url}/identity", trust_env=False, timeout=20).json(),
            lambda answer: links(answer) == expected,
        )
    access = found["accesses"][missing]
    assert [(grant["role"], grant["scope"]) for grant in access["grants"]] == [(role, scope)]
    assert access["outcome"]["failure"]["text"]


@pytest.mark.parametrize("workload", GRANTED)
def test_a_whole_chain_says_what_allows_each_access(cloud: RunningCloud, workload: str) -> None:
    """Every link holds, nothing differs, and each access has the role and the entity that allow it."""
    with serving(workload, cloud) as url:
        found = until(
            lambda: httpx.get(f"{url}/identity", trust_env=False, timeout=20).json(),
            lambda answer: links(answer) == [OK] * 6,
        )
    assert differing(found) == []
    assert [(grant["role"], grant["scope"]) for access in found["accesses"] for grant in access["grants"]] == GRANTED[
        workload
    ]
    assert [token["service"] for token in found["tokens"]] == ["Key Vault", "Service Bus", "Cosmos DB", "Blob Storage"]
    for token in found["tokens"]:
        times = token["lifetime"]
        assert times["issued"] < times["renewed"] < times["expires"]


def test_each_refusal_says_who_has_what_is_missing(cloud: RunningCloud) -> None:
    """For what the frontend may not do, the roles that allow it are named with the workloads that have them."""
    with serving("frontend", cloud) as url:
        found = httpx.get(f"{url}/identity", trust_env=False, timeout=20).json()
    assert [
        [(grant["role"], grant["workload"]) for grant in access["refusal"]["holders"]] for access in found["accesses"]
    ] == [
        [("Key Vault Secrets User", "backend"), ("Key Vault Secrets User", "repair")],
        [("Azure Service Bus Data Receiver", "backend"), ("Azure Service Bus Data Receiver", "redrive")],
        [("Keyless Order Writer", "backend")],
        [("Keyless Receipt Writer", "backend"), ("Keyless Receipt Writer", "repair")],
    ]


@pytest.mark.parametrize("path", ["/", "/orders", "/readyz"])
def test_a_browser_is_shown_the_journey_in_place_of_a_page_that_is_not_ready(cloud: RunningCloud, path: str) -> None:
    """By port-forward it is the page, with 503; under the internet's name for the frontend it is a problem without it.

    Every other client gets the problem as JSON.
    """
    public = {"ALLOWED_HOSTS": "127.0.0.1,orders.example"}
    fault = Fault({**workloads.ANOTHER_NAMESPACE.variables, **public}, token=workloads.ANOTHER_NAMESPACE.token)
    with serving("frontend", cloud, fault) as url, httpx.Client(base_url=url, trust_env=False, timeout=20) as client:
        page = client.get(path, headers=HTML)
        outside = client.get(path, headers={**HTML, "Host": "orders.example"}, follow_redirects=path == "/")
        program = client.get(path, follow_redirects=True)
    assert (page.status_code, outside.status_code, program.status_code) == (503, 503, 503)
    assert "The chain breaks at the exchange" in page.text
    assert page.headers["Retry-After"]
    assert "system:serviceaccount" not in outside.text or path == "/readyz"  # which no route leads to
    assert 'href="/identity"' in page.text
    assert 'href="/identity"' not in outside.text
    assert program.headers["content-type"] == "application/problem+json"


def test_the_workers_page_is_answered_by_port_forward_alone(cloud: RunningCloud) -> None:
    """A name that a web page could make stand for this machine is a 400. An address is answered."""
    with serving("backend", cloud) as url, httpx.Client(base_url=url, trust_env=False, timeout=20) as client:
        page = client.get("/identity", headers=HTML)
        statuses = {
            host: client.get("/identity", headers={"Host": host}).status_code
            for host in (
                "127.0.0.1:8080",
                "localhost:8080",
                "10.244.0.7:8080",
                "rebound.example",
                "backend",
                "[::1]:80",
            )
        }
        probe = client.get("/healthz", headers={"Host": "backend"})
    assert statuses == {
        "127.0.0.1:8080": 200,
        "localhost:8080": 200,
        "10.244.0.7:8080": 200,
        "rebound.example": 400,
        "backend": 400,
        "[::1]:80": 200,
    }
    assert probe.status_code == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script|(?:src|href)=\"https?:", page.text)


@pytest.mark.parametrize("workload", GRANTED)
def test_no_token_is_shown(cloud: RunningCloud, workload: str) -> None:
    """Neither the page nor its JSON holds a token, whole or in part."""
    with serving(workload, cloud) as url:
        texts = [httpx.get(f"{url}/identity", headers=kind, trust_env=False, timeout=20).text for kind in (HTML, {})]
    for text in texts:
        assert not re.search(r"\beyJ[A-Za-z0-9_-]{10,}", text)
