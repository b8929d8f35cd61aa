"""What an attacker would send: forged tokens, requests that two parsers read differently, input made to break one."""

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from azure.identity import WorkloadIdentityCredential
from joserfc import jwt
from localcloud.authorization import audit
from localcloud.authorization.keys import identified
from localcloud.authorization.model import TENANT_ID, client_id
from localcloud.operator.advice import Advice
from localcloud.operator.notices import Notices
from localcloud.operator.summary import access_table
from localcloud.operator.terminal import Terminal
from localcloud.testing import RunningCloud
from rich.console import Console

Token = Callable[[str, str], str]
VAULT, STORAGE, COSMOS = "https://vault.azure.net", "https://storage.azure.com", "https://cosmos.azure.com"
BLOCK = {"x-ms-blob-type": "BlockBlob"}


@pytest.fixture(scope="module")
def http(cloud: RunningCloud) -> Iterator[httpx.Client]:
    with httpx.Client(
        proxy=cloud.cloud.proxy_url, verify=cloud.cloud.certificates.client_context(), trust_env=False
    ) as client:
        yield client


@pytest.fixture(scope="module")
def token(credential: Callable[[str], WorkloadIdentityCredential]) -> Token:
    """A real access token of a workload for a resource."""
    return lambda workload, resource: credential(workload).get_token(f"{resource}/.default").token


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever is sent, no service fails over it: nothing is logged as an error."""
    server = logging.getLogger("uvicorn.error")
    server.addHandler(caplog.handler)
    yield
    server.removeHandler(caplog.handler)
    assert [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR] == []


def _part(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _claims(token: str) -> dict[str, object]:
    claims: dict[str, object] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims


def _forgeries(cloud: RunningCloud, good: str) -> dict[str, str]:
    """Tokens made of a good one for Key Vault, none of which is one."""
    _, payload, signature = good.split(".")
    key, now = cloud.cloud.entra_keys.newest, int(time.time())
    confused = f"{_part({'alg': 'HS256', 'kid': key.kid})}.{payload}"
    mac = hmac.new(key.as_pem(private=False), confused.encode(), hashlib.sha256).digest()

    def signed(**changed: object) -> str:
        return jwt.encode({"alg": "RS256", "kid": key.kid}, {**_claims(good), **changed}, key, algorithms=["RS256"])

    def named(**header: str) -> str:
        return jwt.encode({"alg": "RS256", **header}, _claims(good), key, algorithms=["RS256"])

    other = identified(type(key).generate_key(2048))
    return {
        "Entra's key under another name": named(kid=other.kid),
        "Entra's key under a name in other letters": named(kid=key.kid.swapcase()),
        "Entra's key under no name": named(),
        "no algorithm": f"{_part({'alg': 'none'})}.{payload}.",
        "the public key as a secret": f"{confused}.{_part(mac)}",
        "another key": jwt.encode({"alg": "RS256"}, _claims(good), other, algorithms=["RS256"]),
        "another key under Entra's name": jwt.encode({"alg": "RS256", "kid": key.kid}, _claims(good), other),
        "a key of its own in the header": f"{_part({'alg': 'RS256', 'jwk': other.as_dict(private=False)})}"
        f".{payload}.{signature}",
        "expired": signed(exp=now - 1000),
        "not yet valid": signed(nbf=now + 1000),
        "another service's": signed(aud=STORAGE),
        "version 2.0": signed(iss=f"https://login.microsoftonline.com/{TENANT_ID}/v2.0"),
        "another tenant's": signed(iss="https://sts.windows.net/00000000-0000-0000-0000-000000000000/"),
        "a projected token": cloud.token_file("reader").read_text(),
        "a changed claim": f"{good.split('.')[0]}.{_part({**_claims(good), 'oid': 'x'})}.{signature}",
        **{
            f"a header that is {header!r}": f"{_part(header)}.{payload}.{signature}"
            for header in ([], 5, {"alg": ["RS256"]}, {"alg": "RS256", "crit": 5}, {"alg": "RS256", "crit": [5]})
        },
        "a header too deep": f"{_part(b'[' * 5000)}.{payload}.{signature}",
        "no token at all": "..",
    }


def test_no_forged_token_opens_a_secret(cloud: RunningCloud, http: httpx.Client, token: Token) -> None:
    """Every forged, misdirected or stale token is a 401, and the trail has one denied line for it."""
    url = f"{cloud.vault_url}/secrets/alpha?api-version=2026-04-01"
    for kind, forged in _forgeries(cloud, token("reader", VAULT)).items():
        before = len(_trail(cloud))
        answer = http.get(url, headers={"authorization": f"Bearer {forged}"})
        assert (kind, answer.status_code) == (kind, 401)
        assert [entry["allowed"] for entry in _trail(cloud)[before:]] == [False]


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": -1e18},
        {"exp": float("nan")},
        {"nbf": 1e300},
        {"sub": "\ud800"},
        {"kubernetes.io": {"pod": {"name": ["x"]}}},
        {"aud": {}},
        b"[" * 100_000,
    ],
    ids=str,
)
def test_a_malformed_assertion_is_refused_in_entras_words(
    cloud: RunningCloud, http: httpx.Client, changed: dict[str, object] | bytes
) -> None:
    """A federated token whose claims are no claims is AADSTS50027, whatever they hold."""
    header, payload, signature = cloud.token_file("reader").read_text().split(".")
    claims = changed if isinstance(changed, bytes) else {**_claims(f".{payload}."), **changed}
    answer = _exchange(http, f"{header}.{_part(claims)}.{signature}")
    assert (answer.status_code, answer.json()["error_codes"]) == (400, [50027])


def test_an_access_token_is_no_assertion(http: httpx.Client, token: Token) -> None:
    """What Entra itself issued is trusted by no federated credential."""
    answer = _exchange(http, token("reader", VAULT))
    assert (answer.status_code, answer.json()["error_codes"]) == (401, [700211])


def test_a_form_that_is_none_lacks_its_parameters(http: httpx.Client) -> None:
    """A body that cannot be read as a form is answered in Entra's own shape."""
    url = f"https://login.microsoftonline.com/{TENANT_ID}/oauth2/v2.0/token"
    answer = http.post(url, content=b"x", headers={"content-type": "multipart/form-data"})
    assert (answer.status_code, answer.json()["error_codes"]) == (400, [900144])


def test_what_a_caller_wrote_cannot_move_the_cursor(
    cloud: RunningCloud, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Names out of a refused request are shown on the terminal as they are written, with no effect on it."""
    trail = tmp_path / "audit.jsonl"
    log = audit.Audit(trail)
    advice = Advice(cloud.cloud.model, tmp_path / "access.yaml", cloud.cloud.federation)
    log.listen(Terminal(advice, Notices()).hear)
    log.exchange(audit.ExchangeEntry("\x1b[2J", None, None, None, None, None, "AADSTS700016", None, "no\n✓ fake"))
    log.access(audit.AccessEntry(None, None, None, None, "read", "blob/[/x]", False, "no grant"))
    access_table(trail, Console(width=160))
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\n✓ fake" not in said
    assert "blob/[/x]" in said


@pytest.mark.parametrize("query", ["?comp=", "?comp=&restype=", "?COMP=", "?Comp=properties"])
def test_who_may_only_add_cannot_overwrite_by_a_query_read_differently(
    cloud: RunningCloud, http: httpx.Client, token: Token, query: str
) -> None:
    """An empty or oddly written `comp` is the same operation to the gateway as to Azurite."""
    url = f"{cloud.blob_url}/files/attacked{quote(query)}"
    owner, adder = _bearer(token("owner", STORAGE)), _bearer(token("writer", STORAGE))
    http.put(url, headers={**owner, **BLOCK}, content=b"first").raise_for_status()
    answer = http.put(f"{url}{query}", headers={**adder, **BLOCK}, content=b"second")
    assert answer.status_code == 403
    assert http.get(url, headers=owner).content == b"first"


def test_a_blob_that_looks_like_a_list_comes_back_unchanged(
    cloud: RunningCloud, http: httpx.Client, token: Token
) -> None:
    """Only a list's own endpoint is rewritten, never what a caller has stored."""
    url, owner = f"{cloud.blob_url}/files/like-a-list", _bearer(token("owner", STORAGE))
    host = cloud.cloud.settings.blob_host
    content = f'<EnumerationResults ServiceEndpoint="http://{host}/{host.partition(".")[0]}">'.encode()
    http.put(url, headers={**owner, **BLOCK}, content=content).raise_for_status()
    assert http.get(url, headers=owner).content == content


@pytest.mark.parametrize(
    "headers",
    [{"range": "bytes=-"}, {"x-ms-copy-source": "http://[::1"}, {"x-ms-client-request-id": "a" * 20_000}],
    ids=lambda headers: next(iter(headers)),
)
def test_headers_made_to_break_a_parser_are_the_callers_fault(
    cloud: RunningCloud, http: httpx.Client, token: Token, headers: dict[str, str]
) -> None:
    """Neither the gateway nor Azurite behind it answers a strange header with a 500 or a torn connection."""
    url, owner = f"{cloud.blob_url}/files/strange", _bearer(token("owner", STORAGE))
    http.put(url, headers={**owner, **BLOCK}, content=b"content").raise_for_status()
    assert 400 <= http.get(url, headers={**owner, **headers}).status_code < 500


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/", None),
        ("GET", "/secrets?maxresults=" + "9" * 5000, None),
        ("PUT", "/secrets/alpha", {"value": "x", "attributes": {"nbf": 10**24}}),
        ("PUT", "/secrets/alpha", {"value": "x", "attributes": {"exp": -(10**24)}}),
        ("PUT", "/secrets/*", {"value": "x"}),
    ],
    ids=["root", "maxresults", "nbf", "exp", "name"],
)
def test_what_is_out_of_range_is_refused_in_key_vaults_words(
    cloud: RunningCloud, http: httpx.Client, token: Token, method: str, path: str, body: dict[str, object] | None
) -> None:
    """A number too large, a path that leads nowhere and a name that is none get Key Vault's own error."""
    answer = http.request(
        method,
        f"{cloud.vault_url}{path}",
        params=None if "?" in path else {"api-version": "2026-04-01"},
        json=body,
        headers=_bearer(token("administrator", VAULT)),
    )
    assert answer.status_code in (400, 501)
    assert answer.json()["error"]["code"] in ("BadParameter", "NotSupported")


def test_an_attempt_on_the_control_plane_is_in_the_trail(cloud: RunningCloud, http: httpx.Client, token: Token) -> None:
    """To make a database is refused to every workload, and the attempt is one denied line."""
    before = len(_trail(cloud))
    authorization = quote(f"type=aad&ver=1.0&sig={token('owner', COSMOS)}", safe="")
    answer = http.post(f"{cloud.cosmos_url}dbs", json={"id": "mine"}, headers={"authorization": authorization})
    assert answer.status_code == 403
    (entry,) = [entry for entry in _trail(cloud)[before:] if entry["kind"] == "access"]
    assert (entry["workload"], entry["action"], entry["allowed"]) == ("owner", "POST /dbs", False)


def _exchange(http: httpx.Client, assertion: str) -> httpx.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": client_id("reader"),
        "scope": f"{VAULT}/.default",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
    }
    return http.post(f"https://login.microsoftonline.com/{TENANT_ID}/oauth2/v2.0/token", data=form)


def _trail(cloud: RunningCloud) -> list[dict[str, object]]:
    return audit.read(cloud.cloud.settings.state / "audit.jsonl")


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", "x-ms-version": "2026-10-06"}
