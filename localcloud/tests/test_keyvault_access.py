"""Access to secrets, and how Key Vault refuses it: the challenge, bad tokens, missing roles, the order of it all."""

import re
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.secrets import SecretClient
from localcloud.authorization.model import TENANT_ID, client_id, principal_id

QUERY = "api-version=2026-04-01"


@pytest.fixture(scope="module")
def http(cloud: Any) -> Iterator[httpx.Client]:
    tls = ssl.create_default_context(cafile=cloud.ca_bundle)
    with httpx.Client(base_url=cloud.vault_url, proxy=cloud.cloud.proxy_url, verify=tls) as client:
        yield client


@pytest.fixture(scope="module")
def token(credential: Callable[[str], Any]) -> str:
    return str(credential("reader").get_token("https://vault.azure.net/.default").token)


@pytest.fixture(scope="module", autouse=True)
def secrets(cloud: Any) -> None:
    for name in ("alpha", "beta"):
        cloud.cloud.secrets.put(name, f"the value of {name}", {}, None)


def test_request_without_a_token_is_told_the_tenant(http: httpx.Client) -> None:
    """The challenge names the tenant and the resource, which is all a client knows of its vault's directory."""
    answer = http.get(f"/secrets/alpha?{QUERY}")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == (
        f'Bearer authorization="https://login.microsoftonline.com/{TENANT_ID}", resource="https://vault.azure.net"'
    )
    assert answer.json()["error"]["message"] == "AKV10000: Request is missing a Bearer or PoP token."


def test_token_for_another_service_is_refused(http: httpx.Client, credential: Callable[[str], Any]) -> None:
    """A good token whose audience is Storage opens no vault."""
    other = credential("reader").get_token("https://storage.azure.com/.default").token
    answer = http.get(f"/secrets/alpha?{QUERY}", headers={"Authorization": f"Bearer {other}"})
    assert answer.status_code == 401
    assert "https://storage.azure.com" in answer.json()["error"]["message"]
    assert "www-authenticate" in answer.headers


def test_forged_token_is_refused(http: httpx.Client, token: str) -> None:
    """A token with a made-up signature is refused, and not quoted."""
    forged = token.rpartition(".")[0] + "." + "A" * 342
    answer = http.get(f"/secrets/alpha?{QUERY}", headers={"Authorization": f"Bearer {forged}"})
    assert answer.status_code == 401
    assert answer.json()["error"]["message"].startswith("AKV10022: ")
    assert forged not in answer.text


def test_reader_reads_its_secret_alone(cloud: Any, credential: Callable[[str], Any]) -> None:
    """A grant on one secret gives that secret; the next one, and writing to the first, are refused as Azure does."""
    with SecretClient(cloud.vault_url, credential("reader")) as client:
        assert client.get_secret("alpha").value == "the value of alpha"
        with pytest.raises(HttpResponseError, match=r"\(Forbidden\) Caller is not authorized") as refused:
            client.get_secret("beta")
        with pytest.raises(HttpResponseError, match="setSecret/action"):
            client.set_secret("alpha", "v")
    message = str(refused.value)
    assert "ForbiddenByRbac" in message
    assert f"Caller: appid={client_id('reader')};oid={principal_id('reader')};iss=https://sts.windows.net/" in message
    assert "Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'" in message
    assert re.search(r"Resource: '/subscriptions/\S+/microsoft.keyvault/vaults/[a-z]+/secrets/beta'", message)


def test_listing_all_takes_a_grant_on_the_vault(cloud: Any, credential: Callable[[str], Any]) -> None:
    """A grant on one secret's metadata lists that secret's versions, and not the vault."""
    with SecretClient(cloud.vault_url, credential("reader")) as client:
        assert [p.name for p in client.list_properties_of_secret_versions("alpha")]
        with pytest.raises(HttpResponseError, match=r"vaults/[a-z]+'"):
            list(client.list_properties_of_secrets())


def test_missing_secret_is_no_secret_to_the_uninvited(cloud: Any, credential: Callable[[str], Any]) -> None:
    """Without a grant there is no telling whether a secret exists."""
    with SecretClient(cloud.vault_url, credential("nobody")) as client:
        for name in ("alpha", "absent"):
            with pytest.raises(HttpResponseError, match="ForbiddenByRbac"):
                client.get_secret(name)


@pytest.mark.parametrize("path", ["/secrets/alpha", "/secrets/alpha/"])
def test_trailing_slash_makes_no_difference(http: httpx.Client, token: str, path: str) -> None:
    """Clients of some languages end the path in a slash, others don't."""
    answer = http.get(f"{path}?{QUERY}", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["value"] == "the value of alpha"


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("GET", "/secrets/alpha", 400, "BadParameter"),
        ("GET", "/secrets/alpha?api-version=1", 400, "BadParameter"),
        ("GET", f"/secrets/alpha/versions?{QUERY}&maxresults=0", 400, "BadParameter"),
        ("GET", f"/secrets/alpha/versions?{QUERY}&$skiptoken=%E2%82%AC", 400, "BadParameter"),
        ("GET", f"/secrets/alpha/versions?{QUERY}&$skiptoken=_w==", 400, "BadParameter"),
        ("GET", f"/keys/alpha?{QUERY}", 501, "NotSupported"),
        ("POST", f"/secrets/alpha?{QUERY}", 501, "NotSupported"),
        ("OPTIONS", f"/secrets/alpha?{QUERY}", 501, "NotSupported"),
    ],
)
def test_bad_request_gets_the_services_own_error(
    http: httpx.Client, token: str, method: str, target: str, status: int, code: str
) -> None:
    """What is malformed or unknown is answered in Key Vault's shape, never with a 500."""
    answer = http.request(method, target, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"value": 1}', b'{"value": "v", "tags": {"a": 1}}', b"\xff"])
def test_malformed_body_is_a_bad_parameter(http: httpx.Client, credential: Callable[[str], Any], body: bytes) -> None:
    """A body that is no secret is refused, and nothing is stored."""
    admin = credential("administrator").get_token("https://vault.azure.net/.default").token
    headers = {"Authorization": f"Bearer {admin}"}
    answer = http.put(f"/secrets/malformed?{QUERY}", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadParameter")
    assert http.get(f"/secrets/malformed?{QUERY}", headers=headers).status_code == 404


GOOD, NO_SECRET = b'{"value": "v"}', b"{}"
# The workload, its request and body, and the first answer: each request is wrong in that way and in later ones.
ORDER: dict[str, tuple[str | None, str, bytes, int, str]] = {
    "no token, and no API version": (None, "GET /secrets/under_score", b"", 401, "Unauthorized"),
    "no token, and no such operation": (None, "POST /keys/alpha/create", b"", 401, "Unauthorized"),
    "no token, for a deleted secret": (None, f"PUT /secrets/order-deleted?{QUERY}", NO_SECRET, 401, "Unauthorized"),
    "no API version, and an impossible name": ("nobody", "GET /secrets/under_score", b"", 400, "BadParameter"),
    "an impossible name, and no role": ("nobody", f"GET /secrets/under_score?{QUERY}", b"", 400, "BadParameter"),
    "no role, and no secret": ("nobody", f"GET /secrets/order-absent?{QUERY}", b"", 403, "Forbidden"),
    "no role, and no body": ("nobody", f"PUT /secrets/order-deleted?{QUERY}", NO_SECRET, 403, "Forbidden"),
    "no role, and a page that is none": ("nobody", f"GET /secrets?{QUERY}&maxresults=0", b"", 403, "Forbidden"),
    "no value, and a deleted name": (
        "administrator",
        f"PUT /secrets/order-deleted?{QUERY}",
        NO_SECRET,
        400,
        "BadParameter",
    ),
    "a deleted name": ("administrator", f"PUT /secrets/order-deleted?{QUERY}", GOOD, 409, "Conflict"),
    "no secret": ("administrator", f"GET /secrets/order-absent?{QUERY}", b"", 404, "SecretNotFound"),
    "no version of a disabled secret": (
        "administrator",
        f"GET /secrets/order-disabled/{'0' * 32}?{QUERY}",
        b"",
        404,
        "SecretNotFound",
    ),
    "a disabled secret": ("administrator", f"GET /secrets/order-disabled?{QUERY}", b"", 403, "Forbidden"),
}


@pytest.mark.parametrize("name", ORDER)
def test_the_questions_are_asked_in_order(
    cloud: Any, http: httpx.Client, credential: Callable[[str], Any], name: str
) -> None:
    """The challenge comes first, then the form, then the role; a caller without it learns nothing of the secret."""
    workload, asked, body, status, code = ORDER[name]
    store = cloud.cloud.secrets
    if store.get("order-disabled") is None:
        store.put("order-disabled", "v", enabled=False)
        store.put("order-deleted", "v")
        store.delete("order-deleted")
    method, target = asked.split()
    headers = {}
    if workload is not None:
        bearer = credential(workload).get_token("https://vault.azure.net/.default").token
        headers["Authorization"] = f"Bearer {bearer}"
    answer = http.request(method, target, headers=headers, content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert ("www-authenticate" in answer.headers) is (status == 401)
