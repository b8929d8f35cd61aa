"""`/identity`: claims and refusals, live, and never a token."""

import base64
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from azure.core.credentials import AccessTokenInfo
from flask.testing import FlaskClient
from frontend.bootstrap import create_app
from frontend.credential import Credential, claims_of
from frontend.identity.clients import connect
from structlog.testing import capture_logs

from tests.unit.frontend.fakes import SETTINGS, FakeAzure, FakeIdentity

HTML = {"Accept": "text/html"}


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


@pytest.fixture
def client(azure: FakeAzure) -> FlaskClient:
    return azure.app().test_client()


def test_the_journey_shows_claims(client: FlaskClient, azure: FakeAzure) -> None:
    """The projected token's claims, the exchange, each access token's claims, and what each service let it do."""
    azure.credential.get_token("https://vault.azure.net/.default")
    found = client.get("/identity").json
    assert found["projected"]["claims"]["sub"] == "system:serviceaccount:keyless:frontend"
    assert found["projected"]["claims"]["exp"] == "1970-01-01 00:00:00 UTC"
    assert found["exchange"]["client id"] == "client-1"
    assert found["tokens"]["https://vault.azure.net/.default"]["uti"] == "u-https://vault.azure.net/.default"
    assert all(access["outcome"]["refusal"] is None for access in found["accesses"])
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
    """What was not granted is tried for real, and the page shows what the service said."""
    page = client.get("/identity", headers=HTML).get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    form = {"csrf_token": token[1]}
    answer = client.post(f"/identity/attempts/{service}", data=form)
    assert code in json.dumps(answer.json["outcome"]["refusal"])
    assert "Refused by the service" in client.post(f"/identity/attempts/{service}", data=form, headers=HTML).get_data(
        as_text=True
    )


def test_a_button_needs_this_sessions_token(client: FlaskClient) -> None:
    """Another site can't press it."""
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


def test_a_new_token_is_logged_once() -> None:
    """A cached token passes in silence."""
    credential = Credential(FakeIdentity())
    with capture_logs() as logs:
        for _ in range(3):
            credential.get_token_info("scope-a")
        credential.get_token("scope-b")
    assert [log["aud"] for log in logs] == ["scope-a", "scope-b"]


def test_threads_that_want_the_same_token_cause_one_exchange() -> None:
    """A start explains itself by process and audience: the SDK's cache is asked by one thread after the other."""

    class SdkCredential(FakeIdentity):
        """Caches as the SDK does: threads that find nothing all go and exchange."""

        def __init__(self) -> None:
            self.cached: dict[str, AccessTokenInfo] = {}
            self.exchanges = 0

        def get_token_info(self, *scopes: str, **options: object) -> AccessTokenInfo:
            if scopes[0] not in self.cached:
                self.exchanges += 1
                time.sleep(0.02)  # the way to Entra and back
                self.cached[scopes[0]] = super().get_token_info(*scopes, **options)
            return self.cached[scopes[0]]

    inner = SdkCredential()
    credential = Credential(inner)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: credential.get_token("scope"), range(8)))
    assert inner.exchanges == 1


def test_the_journey_needs_no_access(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pod that the webhook did not touch, the page says what is missing, in its place, and has no buttons."""
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    client = create_app(SETTINGS, connect(SETTINGS)).test_client()
    page = client.get("/identity", headers=HTML).get_data(as_text=True)
    assert "missing: AZURE_FEDERATED_TOKEN_FILE" in page
    assert "Missing required arguments" in page
    assert "<button" not in page


@pytest.mark.parametrize("text", ["", "a", "a.b", "a.e30=.c", "a.bnVsbA.c", "..", "a.\u00e9.c"])
def test_what_is_no_jwt_has_no_claims(text: str) -> None:
    """An opaque token is possible, and no failure."""
    assert claims_of(text) == {}
