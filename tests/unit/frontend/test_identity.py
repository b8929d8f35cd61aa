"""`/identity`: claims and refusals, live, and never a token."""

import base64
import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from frontend.bootstrap import create_app
from frontend.identity.lazy_clients import LazyClients
from tests.unit.frontend.fakes import HTML, SETTINGS, FakeAzure


def part(value: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeAzure:
    token = tmp_path / "token"
    claims = {"iss": "https://issuer", "sub": "system:serviceaccount:keyless:frontend", "aud": ["api://x"], "exp": 0}
    token.write_text(f"{part({'alg': 'RS256'})}.{part(claims)}.PROJECTED-SIGNATURE")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(token))
    monkeypatch.setenv("AZURE_CLIENT_ID", "client-1")
    return FakeAzure()


def test_the_journey_shows_claims(client: FlaskClient, azure: FakeAzure) -> None:
    """It shows the claims of the projected token and of each access token, and what each service allowed."""
    azure.credential.get_token("https://vault.azure.net/.default")
    found = client.get("/identity").json
    assert found["projected"]["claims"]["sub"] == "system:serviceaccount:keyless:frontend"
    assert found["projected"]["claims"]["exp"] == "1970-01-01 00:00:00 UTC"
    assert {part["name"]: part["presented"] for part in found["exchange"]["compared"]}["AZURE_CLIENT_ID"] == "client-1"
    assert [(token["service"], token["claims"]["uti"]) for token in found["tokens"]] == [
        ("Key Vault", "u-https://vault.azure.net/.default")
    ]
    assert [access["state"] for access in found["accesses"]] == ["ok"] * 4
    assert [access["name"] for access in found["accesses"]] == ["keyvault", "servicebus", "cosmos", "blob"]


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("keyvault", "Forbidden"),
        ("servicebus", "Listen"),
        ("cosmos", "items/create"),
        ("blob", "AuthorizationPermissionMismatch"),
    ],
)
def test_a_button_shows_the_services_own_refusal(client: FlaskClient, service: str, code: str) -> None:
    """The button tries what was not granted, and the page shows the service's answer."""
    page = client.get("/identity", headers=HTML).get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    form = {"csrf_token": token[1]}
    answer = client.post(f"/identity/attempts/{service}", data=form)
    assert code in json.dumps(answer.json["outcome"]["failure"])
    assert "Refused by the service" in client.post(f"/identity/attempts/{service}", data=form, headers=HTML).get_data(
        as_text=True
    )


def test_a_button_needs_this_sessions_token(client: FlaskClient) -> None:
    """Without the session's CSRF token, an attempt is a 400."""
    assert client.post("/identity/attempts/blob").status_code == 400


def test_no_token_is_ever_shown_or_logged(client: FlaskClient, azure: FakeAzure) -> None:
    """Neither the page, nor its JSON, nor the log holds a token or its signature; the log holds the `uti`."""
    with capture_logs() as logs:
        azure.credential.get_token("https://vault.azure.net/.default")
    shown = [client.get("/identity", headers=headers).get_data(as_text=True) for headers in (HTML, {})]
    for text in (*shown, repr(logs)):
        assert "SIGNATURE" not in text
        assert "e30." not in text
    assert logs[0]["uti"] == "u-https://vault.azure.net/.default"


def test_the_journey_needs_no_access(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the webhook's variables, the page names what is missing, and has no buttons."""
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    client = create_app(SETTINGS, LazyClients(SETTINGS)).test_client()
    page = client.get("/identity", headers=HTML).get_data(as_text=True)
    assert "azure.workload.identity/use" in page
    assert page.count("Missing required arguments") == 1
    assert "<button" not in page
