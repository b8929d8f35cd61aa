"""Liveness and readiness: it starts without access, says what is missing, and recovers by itself."""

import threading

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

from frontend.bootstrap import create_app
from frontend.identity.checks import Checks
from frontend.identity.lazy_clients import LazyClients
from tests.unit.frontend.fakes import HTML, SETTINGS, FakeAzure


def test_ready_when_every_dependency_answers() -> None:
    """If every dependency answers, liveness and readiness are 200."""
    client = FakeAzure().app().test_client()
    assert [client.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]


def test_alive_and_not_ready_without_an_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the webhook's variables, /readyz shows the SDK's own sentence, and pages are a 503."""
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    client = create_app(SETTINGS, LazyClients(SETTINGS)).test_client()
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert (
        "Missing required arguments: 'tenant_id', 'client_id', 'token_file_path'"
        in (answer.json["missing"]["workload identity"])
    )
    assert client.get("/orders").status_code == 503
    assert client.post("/orders", json={"product": "x", "quantity": 1}).headers["Retry-After"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/orders", 503),
        ("GET", "/orders/made-up", 503),
        ("GET", "/orders/made-up/receipt", 503),
        ("POST", "/orders", 503),
        ("POST", "/identity/attempts/blob", 503),
        ("POST", "/identity/attempts/made-up", 503),
        ("GET", "/identity", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/static/orders.css", 200),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 503),
        ("POST", "/identity", 405),
        ("POST", "/nowhere", 404),
    ],
)
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
@pytest.mark.parametrize("form", [None, {"csrf_token": "made-up", "product": "Key", "quantity": "1"}], ids=["", "form"])
def test_without_a_signing_key_every_endpoint_says_so_or_does_without(
    method: str, path: str, status: int, accept: str, form: dict[str, str] | None
) -> None:
    """Until the key is read, each endpoint that needs it is a 503 with Retry-After. None is a 500."""
    azure = FakeAzure()
    azure.vault.failure = HttpResponseError("(Forbidden) Caller is not authorized")
    client = create_app(SETTINGS, azure.clients()).test_client()
    answer = client.open(path, method=method, data=form, headers={"Accept": accept})
    assert answer.status_code == status
    if status == 503:
        assert answer.headers["Retry-After"]


def test_each_missing_access_is_named() -> None:
    """Readiness names each dependency that fails, with the service's own text."""
    azure = FakeAzure()
    client = azure.app().test_client()
    azure.bus.failure = ClientAuthenticationError("AADSTS700213: No matching federated identity record found")
    azure.receipts.failure = HttpResponseError("This request is not authorized to perform this operation.")
    problem = client.get("/readyz").json
    missing = problem["missing"]
    assert set(missing) == {"Service Bus", "Blob Storage"}
    assert all(f"{name}: {reason}" in problem["detail"] for name, reason in missing.items())
    assert "AADSTS700213" in missing["Service Bus"]
    assert "not authorized" in missing["Blob Storage"]


@pytest.mark.parametrize(
    ("headers", "shown"), [(HTML, "The token’s journey: frontend"), ({**HTML, "HX-Request": "true"}, 'id="live"')]
)
def test_a_page_that_updates_itself_gets_the_problem_in_its_place(headers: dict[str, str], shown: str) -> None:
    """Without a signing key a browser is shown the journey; a page that is open already shows the problem."""
    azure = FakeAzure()
    azure.vault.failure = HttpResponseError("(Forbidden) Caller is not authorized")
    answer = create_app(SETTINGS, azure.clients()).test_client().get("/orders", headers=headers)
    assert answer.status_code == 503
    assert shown in answer.get_data(as_text=True)


def test_a_reason_that_several_have_is_said_once() -> None:
    """If Entra refuses, the sentence names each dependency and has the refusal once; `missing` has it for each."""
    azure = FakeAzure()
    client = azure.app().test_client()
    refusal = "AADSTS700213: No matching federated identity record found"
    azure.bus.failure = ClientAuthenticationError(f"Handler failed: {refusal}")
    azure.receipts.failure = ClientAuthenticationError(refusal)
    problem = client.get("/readyz").json
    assert problem["detail"] == f"Service Bus, Blob Storage: {refusal}"
    assert problem["missing"] == {"Service Bus": refusal, "Blob Storage": refusal}


def test_readiness_recovers_by_itself() -> None:
    """A key that appears later makes the frontend ready, with no restart."""
    azure = FakeAzure()
    azure.vault.failure = HttpResponseError("(Forbidden) Caller is not authorized")
    app = create_app(SETTINGS, azure.clients())
    now = 0.0
    parts = app.extensions["frontend"]
    readiness = Checks({"key": parts.keys.current}, clock=lambda: now)
    assert "Forbidden" in readiness.missing()["key"]
    azure.vault.failure = None
    now = 3.0
    assert readiness.missing() == {}
    assert app.test_client().get("/orders").status_code == 200


def test_an_answer_is_kept_for_a_moment() -> None:
    """Probes in quick succession cost the services one check."""
    calls: list[int] = []
    readiness = Checks({"service": lambda: calls.append(1)}, clock=lambda: 7.0)
    for _ in range(5):
        readiness.missing()
    assert len(calls) == 1


def test_a_dependency_that_hangs_is_named() -> None:
    """Readiness names the dependency that hangs, and does not call it again meanwhile."""
    released, calls = threading.Event(), []

    def hang() -> None:
        calls.append(1)
        released.wait(30)

    now = 0.0
    readiness = Checks({"slow": hang, "quick": lambda: None}, clock=lambda: now)
    assert readiness.missing() == {"slow": "no answer within 2 seconds"}
    now = 10.0
    assert set(readiness.missing()) == {"slow"}
    assert len(calls) == 1
    released.set()
