"""What every MSAL asks of Entra before its first token, the keys it publishes, and what IMDS says in a pod."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import msal
import pytest
from azure.identity import CredentialUnavailableError, DefaultAzureCredential, ManagedIdentityCredential
from localcloud.authorization.model import TENANT_ID, client_id
from localcloud.operator.environment import environment_of
from localcloud.testing import RunningCloud

ENTRA = "https://login.microsoftonline.com"
COMMON = f"{ENTRA}/common/oauth2/v2.0/authorize"


@pytest.fixture(scope="module")
def http(cloud: RunningCloud) -> Iterator[httpx.Client]:
    tls = cloud.cloud.certificates.client_context()
    with httpx.Client(base_url=ENTRA, proxy=cloud.cloud.proxy_url, verify=tls) as client:
        yield client


def discover(http: httpx.Client, **query: str) -> httpx.Response:
    return http.get("/common/discovery/instance", params={name.replace("_v", "-v"): v for name, v in query.items()})


@pytest.mark.parametrize(
    ("endpoint", "document"),
    [
        (COMMON, f"{ENTRA}/common/v2.0/.well-known/openid-configuration"),
        (
            f"{ENTRA}/organizations/oauth2/v2.0/authorize",
            f"{ENTRA}/organizations/v2.0/.well-known/openid-configuration",
        ),
        (f"{ENTRA}/{TENANT_ID}/oauth2/v2.0/authorize", f"{ENTRA}/{TENANT_ID}/v2.0/.well-known/openid-configuration"),
        (f"{ENTRA}/{TENANT_ID}/oauth2/authorize", f"{ENTRA}/{TENANT_ID}/.well-known/openid-configuration"),
        (
            "https://LOGIN.windows.net/common/oauth2/v2.0/authorize",
            "https://login.windows.net/common/v2.0/.well-known/openid-configuration",
        ),
    ],
)
def test_instance_discovery_names_the_authoritys_document(http: httpx.Client, endpoint: str, document: str) -> None:
    """MSAL4J asks so before anything else: the authority is valid, and its OpenID document is there."""
    answer = discover(http, api_version="1.1", authorization_endpoint=endpoint).json()
    assert answer["tenant_discovery_endpoint"] == document
    assert answer["api-version"] == "1.1"


def test_instance_discovery_names_every_clouds_aliases(http: httpx.Client) -> None:
    """The public cloud's four names mean the same, and one of them is the host that MSAL talks to."""
    clouds = discover(http, api_version="1.1", authorization_endpoint=COMMON).json()["metadata"]
    assert clouds[0] == {
        "preferred_network": "login.microsoftonline.com",
        "preferred_cache": "login.windows.net",
        "aliases": ["login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"],
    }
    assert all(cloud["preferred_network"] in cloud["aliases"] for cloud in clouds)
    assert {"login.partner.microsoftonline.cn", "login.microsoftonline.us"} <= {c["preferred_network"] for c in clouds}


def test_version_1_0_of_instance_discovery_has_no_aliases(http: httpx.Client) -> None:
    """ADAL asks for 1.0, and is told the document alone."""
    assert list(discover(http, api_version="1.0", authorization_endpoint=COMMON).json()) == [
        "tenant_discovery_endpoint"
    ]


NOT_DISCOVERED: dict[str, tuple[dict[str, str], str, int]] = {
    "another host": (
        {"authorization_endpoint": "https://evil.example/common/oauth2/authorize"},
        "invalid_instance",
        50049,
    ),
    "a host before Azure's": (
        {"authorization_endpoint": "https://login.microsoftonline.com.evil.example/common/oauth2/authorize"},
        "invalid_instance",
        50049,
    ),
    "a user before the host": (
        {"authorization_endpoint": "https://login.microsoftonline.com@evil.example/common/oauth2/authorize"},
        "invalid_instance",
        50049,
    ),
    "plain HTTP": ({"authorization_endpoint": COMMON.replace("https", "http")}, "invalid_instance", 50049),
    "no URL": ({"authorization_endpoint": "https://[login"}, "invalid_instance", 50049),
    "no tenant": ({"authorization_endpoint": ENTRA}, "invalid_instance", 50049),
    "no endpoint": ({"authorization_endpoint": ""}, "invalid_request", 90014),
    "no version": ({"api_version": ""}, "invalid_request", 90014),
    "an unknown version": ({"api_version": "2.0"}, "invalid_request", 90013),
}


@pytest.mark.parametrize("name", NOT_DISCOVERED)
def test_an_authority_that_is_not_azures_is_not_discovered(http: httpx.Client, name: str) -> None:
    """What is missing or another's is Entra's own error, and no document is named."""
    change, error, code = NOT_DISCOVERED[name]
    answer = discover(http, **({"api_version": "1.1", "authorization_endpoint": COMMON} | change))
    assert (answer.status_code, answer.json()["error"], answer.json()["error_codes"]) == (400, error, [code])


@pytest.mark.parametrize("tenant", [TENANT_ID, TENANT_ID.upper(), "common", "organizations"])
@pytest.mark.parametrize("version", ["", "/v2.0"])
def test_each_authority_has_a_document_for_either_version(http: httpx.Client, tenant: str, version: str) -> None:
    """Its endpoints are under the same authority; of any tenant's the issuer is a template."""
    document = http.get(f"/{tenant}{version}/.well-known/openid-configuration").raise_for_status().json()
    issued_for = tenant.lower() if tenant.lower() == TENANT_ID else "{tenantid}"
    assert document["issuer"] == (f"{ENTRA}/{issued_for}/v2.0" if version else f"https://sts.windows.net/{issued_for}/")
    assert document["token_endpoint"] == f"{ENTRA}/{tenant.lower()}/oauth2{version}/token"
    assert document["authorization_endpoint"] == f"{ENTRA}/{tenant.lower()}/oauth2{version}/authorize"
    keys = http.get(document["jwks_uri"].removeprefix(ENTRA)).raise_for_status().json()["keys"]
    assert [key["kid"] for key in keys]


@pytest.mark.parametrize("path", ["v2.0/.well-known/openid-configuration", "discovery/v2.0/keys"])
def test_another_tenant_has_no_document(http: httpx.Client, path: str) -> None:
    """Personal accounts' tenant is another's too."""
    for tenant in ("consumers", "11111111-2222-3333-4444-555555555555"):
        answer = http.get(f"/{tenant}/{path}")
        assert (answer.status_code, answer.json()["error_codes"]) == (400, [90002])


@pytest.mark.parametrize("path", ["oauth2/v2.0/authorize", "oauth2/v2.0/devicecode", "oauth2/v2.0/logout", "saml2"])
def test_what_entra_does_not_do_here_is_said(http: httpx.Client, path: str) -> None:
    """The sentence says what it does instead."""
    answer = http.get(f"/{TENANT_ID}/{path}")
    assert answer.status_code == 404
    assert f"does not do GET /{TENANT_ID}/{path}. It exchanges a federated token" in answer.json()["error_description"]


@pytest.mark.parametrize("authority", ["common", "organizations"])
def test_a_token_needs_a_tenant(http: httpx.Client, authority: str) -> None:
    """A workload is no user who could say which tenant is meant: AADSTS50059."""
    answer = http.post(f"/{authority}/oauth2/v2.0/token", data={"grant_type": "client_credentials"})
    assert (answer.status_code, answer.json()["error_codes"]) == (400, [50059])


def test_msal_finds_its_way_and_has_a_token(cloud: RunningCloud) -> None:
    """MSAL itself, with its discovery, its check of the authority and its cache."""
    identity = cloud.workload_identity("reader")
    application = msal.ConfidentialClientApplication(
        identity["client_id"],
        authority=f"{ENTRA}/{TENANT_ID}",
        client_credential={"client_assertion": lambda: cloud.token_file("reader").read_text()},
    )
    first = application.acquire_token_for_client(["https://vault.azure.net/.default"])
    again = application.acquire_token_for_client(["https://vault.azure.net/.default"])
    assert first["token_source"] == "identity_provider"
    assert (again["token_source"], again["access_token"]) == ("cache", first["access_token"])


def test_msal_checks_an_alias_of_the_authority(cloud: RunningCloud) -> None:
    """Of an authority that it does not know MSAL asks the instance discovery, and takes its no."""
    with pytest.raises(ValueError, match="invalid_instance"):
        msal.ConfidentialClientApplication(
            client_id("reader"), authority=f"https://login.evil.example/{TENANT_ID}", client_credential="x"
        )


def test_imds_says_that_workload_identity_is_the_way(cloud: RunningCloud) -> None:
    """A managed identity's credential is refused as on a machine without one, in words that name what to use."""
    with ManagedIdentityCredential() as credential, pytest.raises(CredentialUnavailableError) as refused:
        credential.get_token("https://vault.azure.net/.default")
    assert "use workload identity: WorkloadIdentityCredential" in str(refused.value)


@pytest.mark.parametrize("path", ["/metadata/identity/oauth2/token?api-version=2018-02-01", "/metadata/instance"])
def test_imds_is_never_left_to_the_network(cloud: RunningCloud, path: str) -> None:
    """Every path of it is answered here, so that no real machine's identity is used by mistake."""
    with httpx.Client(proxy=cloud.cloud.proxy_url) as client:
        answer = client.get(f"http://169.254.169.254{path}", headers={"Metadata": "true"})
    assert answer.status_code == (400 if "token" in path else 404)
    assert answer.json()["error_description"]


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254.example/", "http://169.254.169.253/", "http://169.254.169.254:8080/", "http://a/"]
)
def test_no_other_plain_http_is_answered(cloud: RunningCloud, url: str) -> None:
    """The proxy takes CONNECT alone, but for IMDS: what only looks like it is refused."""
    with httpx.Client(proxy=cloud.cloud.proxy_url) as client:
        assert client.get(url).status_code == 405


def test_the_environment_of_a_workload_leads_imds_here(cloud: RunningCloud) -> None:
    """A program with these variables, and nothing to prove itself with but a node's identity, reads the sentence."""
    environment: dict[str, Any] = dict(environment_of(cloud.cloud, "reader", cloud.token_file("reader")))
    del environment["AZURE_FEDERATED_TOKEN_FILE"], environment["AZURE_CLIENT_ID"]
    program = (
        "from azure.identity import ManagedIdentityCredential as M\n"
        "try:\n    M().get_token('https://vault.azure.net/.default')\n"
        "except Exception as error:\n    print(error)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "use workload identity" in ran.stdout, ran.stderr


def test_default_credentials_prefer_the_projected_token(cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """DefaultAzureCredential finds the webhook's variables first and never comes to IMDS."""
    for name, value in cloud.workload_identity("reader").items():
        variable = {"token_file_path": "AZURE_FEDERATED_TOKEN_FILE"}.get(name, f"AZURE_{name.upper()}")
        monkeypatch.setenv(variable, value)
    with DefaultAzureCredential() as credential:
        token = credential.get_token("https://vault.azure.net/.default").token
    assert json.loads(_payload(token))["appid"] == client_id("reader")


def _payload(token: str) -> bytes:
    part = token.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
