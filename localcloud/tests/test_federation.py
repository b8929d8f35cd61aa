"""The federated chain: a projected token becomes an access token, and each mismatch has Entra's own code.

Driven by the real `WorkloadIdentityCredential`; what a learner gets wrong on AKS goes wrong here in the same words.
"""

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import WorkloadIdentityCredential
from harness import MODEL
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from localcloud.authorization.audit import read
from localcloud.authorization.keys import identified
from localcloud.authorization.model import TENANT_ID, client_id, principal_id
from localcloud.authorization.workload import EXCHANGE_AUDIENCE

SCOPE = "https://vault.azure.net/.default"
UNREACHABLE = "https://127.0.0.1:9/nobody-listens-here/"


@pytest.fixture(scope="module")
def cloud(start_cloud, cloud):
    """A cloud that trusts a second issuer, which can't be reached; the shared one's environment leads to it."""
    running = start_cloud(MODEL, issuers=[UNREACHABLE])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTTPS_PROXY", running.cloud.proxy_url)
        patch.setenv("REQUESTS_CA_BUNDLE", running.ca_bundle)
        yield running


@pytest.fixture
def exchange(cloud, tmp_path: Path) -> Callable[..., str]:
    """Exchanges a projected token for an access token, as workload `reader` unless told otherwise."""

    def run(token: str | None = None, client: str | None = None, scope: str = SCOPE, **claims: Any) -> str:
        if token is None:
            file = cloud.token_file("reader", **claims)
        else:
            file = tmp_path / "token"
            file.write_text(token)
        credential = WorkloadIdentityCredential(
            tenant_id=TENANT_ID,
            client_id=client or client_id("reader"),
            token_file_path=str(file),
            enable_azure_proxy=True,
        )
        with credential:
            return credential.get_token(scope).token

    return run


def signed(key: RSAKey, issuer: str, **claims: Any) -> str:
    """A projected token that another issuer's key has signed."""
    now = int(time.time())
    body = {
        "iss": issuer,
        "sub": "system:serviceaccount:test:reader",
        "aud": [EXCHANGE_AUDIENCE],
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        **claims,
    }
    return jwt.encode({"alg": "RS256", "kid": key.kid}, body, key, algorithms=["RS256"])


def test_a_federated_token_becomes_an_access_token_that_the_published_keys_verify(cloud, exchange) -> None:
    """The access token names the tenant, the identity and the service, and verifies with Entra's published JWKS."""
    token = exchange()
    with httpx.Client(proxy=cloud.cloud.proxy_url, verify=cloud.cloud.certificates.client_context()) as client:
        base = f"https://login.microsoftonline.com/{TENANT_ID}"
        document = client.get(f"{base}/v2.0/.well-known/openid-configuration").raise_for_status().json()
        keys = KeySet.import_key_set(client.get(document["jwks_uri"]).raise_for_status().json())
    claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
    assert claims["iss"] == f"https://sts.windows.net/{TENANT_ID}/"
    assert claims["aud"] == "https://vault.azure.net"
    assert claims["oid"] == principal_id("reader")
    assert claims["appid"] == client_id("reader")
    assert claims["tid"] == TENANT_ID
    assert claims["uti"]
    assert claims["exp"] - time.time() == pytest.approx(3600, abs=10)


def test_the_trail_tells_whose_token_was_exchanged(cloud, exchange) -> None:
    """An exchange leaves one line with the pod, the subject, the resource and the new token's `uti`."""
    exchange(pod_name="reader-of-the-trail")
    lines = [e for e in read(cloud.cloud.settings.state / "audit.jsonl") if e.get("pod") == "reader-of-the-trail"]
    assert len(lines) == 1
    assert lines[0]["subject"] == "system:serviceaccount:test:reader"
    assert lines[0]["resource"] == "https://vault.azure.net"
    assert lines[0]["result"] == "ok"
    assert lines[0]["uti"]


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"namespace": "elsewhere"}, "AADSTS700213"),
        ({"service_account": "writer"}, "AADSTS700213"),
        ({"service_account": "Reader"}, "AADSTS7002138"),
        ({"audience": "api://SomethingElse"}, "AADSTS700212"),
        ({"lifetime_seconds": -600}, "AADSTS700024"),
    ],
    ids=["namespace", "service account", "case of the name", "audience", "expired"],
)
def test_a_token_that_no_credential_trusts_is_refused_with_its_own_code(exchange, claims, code: str) -> None:
    """Namespace, name, case, audience and expiry each have the code that Azure answers."""
    with pytest.raises(ClientAuthenticationError, match=rf"{code}:"):
        exchange(**claims)


def test_another_issuer_is_refused_to_the_letter(cloud, exchange) -> None:
    """An issuer without its last slash is another issuer: AADSTS700211, naming it."""
    issuer = cloud.cloud.issuer.url.rstrip("/")
    with pytest.raises(ClientAuthenticationError, match=rf"AADSTS700211: .*issuer '{issuer}'"):
        exchange(signed(identified(RSAKey.generate_key(2048)), issuer))


def test_a_key_that_the_issuer_does_not_publish_is_refused(cloud, exchange) -> None:
    """A token signed with a strange key is AADSTS7000272, as after a rotation that discovery has not seen."""
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000272:"):
        exchange(signed(identified(RSAKey.generate_key(2048)), cloud.cloud.issuer.url))


def test_a_forged_signature_under_a_published_key_id_is_refused(cloud, exchange) -> None:
    """A token whose payload was changed after it was signed is AADSTS50013."""
    header, payload, _signature = cloud.token_file("reader").read_text().split(".")
    other = cloud.token_file("reader", pod_name="another").read_text().rpartition(".")[2]
    with pytest.raises(ClientAuthenticationError, match="AADSTS50013:"):
        exchange(f"{header}.{payload}.{other}")


def test_an_issuer_that_cannot_be_reached_is_named_as_such(exchange) -> None:
    """A trusted issuer whose discovery document can't be fetched is AADSTS90061."""
    with pytest.raises(ClientAuthenticationError, match="AADSTS90061:"):
        exchange(signed(identified(RSAKey.generate_key(2048)), UNREACHABLE))


def test_an_unknown_client_is_refused(exchange) -> None:
    """A client id that the directory lacks is AADSTS700016, naming it."""
    unknown = "11111111-2222-3333-4444-555555555555"
    with pytest.raises(ClientAuthenticationError, match=f"AADSTS700016: Application with identifier '{unknown}'"):
        exchange(client=unknown)


def test_a_token_for_an_unknown_service_is_refused(exchange) -> None:
    """A resource that this tenant lacks is AADSTS500011."""
    with pytest.raises(ClientAuthenticationError, match="AADSTS500011:"):
        exchange(scope="https://elsewhere.vault.azure.net/.default")


def test_text_that_is_no_token_is_refused(exchange) -> None:
    """A token file that holds something else is AADSTS50027."""
    with pytest.raises(ClientAuthenticationError, match="AADSTS50027:"):
        exchange("not a token")


def test_a_rotated_issuer_key_is_fetched_anew(start_cloud, tmp_path: Path, monkeypatch) -> None:
    """After a rotation a new token is accepted and one signed with the old key is AADSTS7000272."""
    running = start_cloud(MODEL)
    monkeypatch.setenv("HTTPS_PROXY", running.cloud.proxy_url)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", running.ca_bundle)

    def get_token(file: Path) -> str:
        identity = {**running.workload_identity("reader"), "token_file_path": str(file)}
        with WorkloadIdentityCredential(enable_azure_proxy=True, **identity) as credential:
            return credential.get_token(SCOPE).token

    old = running.token_file("reader")
    assert get_token(old)
    running.cloud.issuer.rotate()
    assert get_token(running.token_file("reader"))
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000272:"):
        get_token(old)


@pytest.fixture
def request_token(cloud) -> Iterator[Callable[..., httpx.Response]]:
    """Sends the form of a good request for workload `reader`, changed: None takes a field out, a list repeats it."""
    with httpx.Client(proxy=cloud.cloud.proxy_url, verify=cloud.cloud.certificates.client_context()) as client:

        def send(**change: str | list[str] | None) -> httpx.Response:
            form = {
                "grant_type": "client_credentials",
                "client_id": client_id("reader"),
                "scope": SCOPE,
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": cloud.token_file("reader").read_text(),
                **change,
            }
            url = f"https://login.microsoftonline.com/{TENANT_ID}/oauth2/v2.0/token"
            return client.post(url, data={name: value for name, value in form.items() if value is not None})

        yield send


STORAGE = "https://storage.azure.com/.default"
REFUSED: dict[str, tuple[dict[str, str | list[str] | None], int, int, str]] = {
    # name: what is changed, the status, the code, the OAuth error
    **{
        f"grant type {grant}": ({"grant_type": grant}, 400, 70003, "unsupported_grant_type")
        for grant in (
            "password",
            "authorization_code",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:device_code",
            "CLIENT_CREDENTIALS",
        )
    },
    **{
        f"{name} {how}": ({name: value}, 400, 900144, "invalid_request")
        for name in ("grant_type", "client_id", "scope")
        for how, value in (("missing", None), ("empty", ""), ("blank", "  "))
    },
    "resource in place of the scope": (
        {"scope": None, "resource": "https://vault.azure.net"},
        400,
        900144,
        "invalid_request",
    ),
    **{
        f"{name} twice": ({name: values}, 400, 9000411, "invalid_request")
        for name, values in {
            "scope": [SCOPE, STORAGE],
            "client_id": [client_id("reader"), client_id("writer")],
            "grant_type": ["client_credentials", "client_credentials"],
            "resource": ["https://vault.azure.net", "https://vault.azure.net"],
        }.items()
    },
    "a named scope": ({"scope": "https://vault.azure.net/read"}, 400, 1002012, "invalid_scope"),
    "named scopes of two resources": (
        {"scope": "https://vault.azure.net/a https://b/c"},
        400,
        1002012,
        "invalid_scope",
    ),
    "a resource without .default": ({"scope": "https://vault.azure.net"}, 400, 1002012, "invalid_scope"),
    "scopes with a comma": ({"scope": f"{SCOPE},{SCOPE}x"}, 400, 1002012, "invalid_scope"),
    "OpenID Connect's own alone": ({"scope": "openid profile"}, 400, 1002012, "invalid_scope"),
    "two resources": ({"scope": f"{SCOPE} {STORAGE}"}, 400, 70011, "invalid_scope"),
    "two resources, the other first": ({"scope": f"{STORAGE} {SCOPE}"}, 400, 70011, "invalid_scope"),
    "two resources among others": ({"scope": f"openid {SCOPE} profile {STORAGE}"}, 400, 70011, "invalid_scope"),
    "two resources, one unknown": ({"scope": f"{SCOPE} https://elsewhere/.default"}, 400, 70011, "invalid_scope"),
    "a named scope beside .default": ({"scope": f"{SCOPE} https://vault.azure.net/a"}, 400, 70011, "invalid_scope"),
    "another's named scope beside": ({"scope": f"https://b/c {SCOPE}"}, 400, 70011, "invalid_scope"),
    "another resource": ({"resource": "https://storage.azure.com"}, 400, 9010010, "invalid_target"),
    "an empty resource": ({"resource": ""}, 400, 9010010, "invalid_target"),
    "an unknown resource": ({"scope": "https://elsewhere/.default"}, 400, 500011, "invalid_resource"),
    "a secret": ({"client_assertion": None, "client_secret": "hunter2"}, 401, 7000216, "invalid_client"),
    "too large": ({"more": "x" * 2**20}, 400, 9002313, "invalid_request"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_malformed_request_has_entras_own_error_body(request_token, name: str) -> None:
    """What is missing, repeated, contradictory or unsupported is an OAuth error with Entra's code and fields."""
    change, status, code, error = REFUSED[name]
    response = request_token(**change)
    body = response.json()
    assert (response.status_code, body["error_codes"], body["error"]) == (status, [code], error)
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert {"error", "timestamp", "trace_id", "correlation_id", "error_uri"} <= body.keys()


@pytest.mark.parametrize(
    "change",
    [
        {"scope": "openid profile https://vault.azure.net//.default offline_access"},
        {"scope": f"{SCOPE} openid"},
        {"scope": f" {SCOPE}  {SCOPE} "},
        {"scope": f"{SCOPE} https://vault.azure.net//.default"},
        {"resource": "https://vault.azure.net/"},
        {"client_info": "1", "claims": "{}"},
    ],
    ids=lambda change: " ".join(change.values()),
)
def test_what_says_the_same_or_nothing_changes_nothing(request_token, change: dict[str, str]) -> None:
    """A scope is an unordered set: OpenID Connect's own values, repeats, slashes and unknown fields are tolerated."""
    response = request_token(**change)
    assert response.json()["token_type"] == "Bearer"
    token = response.json()["access_token"]
    payload = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert payload["aud"].rstrip("/") == "https://vault.azure.net"


def test_the_questions_are_asked_in_order(cloud) -> None:
    """A request that is wrong in every way gets one code after another, as one thing after another is put right."""
    stranger, own = identified(RSAKey.generate_key(2048)), cloud.cloud.issuer.url
    good = cloud.token_file("reader").read_text()
    bad_signature = f"{good.rpartition('.')[0]}.{cloud.token_file('reader').read_text().rpartition('.')[2]}"
    wrong = {"sub": "system:serviceaccount:test:nobody", "aud": ["api://Other"], "exp": 1, "nbf": 0, "iat": 0}

    def token(issuer: str, *wrong_still: str) -> str:
        return signed(stranger, issuer, **{name: wrong[name] for name in wrong_still})

    form: dict[str, Any] = {
        "resource": ["https://a", "https://b"],
        "client_id": "11111111-2222-3333-4444-555555555555",
        "scope": "https://vault.azure.net/read",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    steps: list[tuple[int, dict[str, Any]]] = [  # the code, and what is put right next
        (90002, {}),
        (9000411, {"resource": "https://elsewhere"}),
        (900144, {"grant_type": "password"}),
        (70003, {"grant_type": "client_credentials"}),
        (7000216, {"client_assertion": "not a token"}),
        (50027, {"client_assertion": token("https://strange/", *wrong)}),
        (700016, {"client_id": client_id("reader")}),
        (1002012, {"scope": "https://somewhere/.default"}),
        (9010010, {"resource": "https://somewhere"}),
        (500011, {"scope": SCOPE, "resource": "https://vault.azure.net"}),
        (700211, {"client_assertion": token(own, *wrong)}),
        (700213, {"client_assertion": token(own, "aud", "exp", "nbf", "iat")}),
        (700212, {"client_assertion": token(own, "exp", "nbf", "iat")}),
        (700024, {"client_assertion": token(own)}),
        (7000272, {"client_assertion": bad_signature}),
        (50013, {"client_assertion": good}),
    ]
    tenant = "22222222-3333-4444-5555-666666666666"
    answered = []
    with httpx.Client(proxy=cloud.cloud.proxy_url, verify=cloud.cloud.certificates.client_context()) as client:
        for _code, mended in steps:
            url = f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
            answered.append(client.post(url, data=form).json()["error_codes"][0])
            tenant = TENANT_ID
            form |= mended
        assert client.post(url, data=form).json()["token_type"] == "Bearer"
    assert answered == [code for code, _mended in steps]


def test_a_credential_that_asks_for_two_resources_is_refused(cloud) -> None:
    """The SDK hands the refusal on in Entra's words."""
    with (
        WorkloadIdentityCredential(enable_azure_proxy=True, **cloud.workload_identity("reader")) as credential,
        pytest.raises(ClientAuthenticationError, match=r"AADSTS70011: .*The scope .*vault.*storage.* is not valid"),
    ):
        credential.get_token(SCOPE, STORAGE)
