"""What holds federated credentials, and whom its tokens are for: managed identities, app registrations, audiences."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient
from joserfc import jwt
from joserfc.jwk import KeySet
from localcloud.authorization.model import TENANT_ID, AccessFileError, AccessModel, client_id, principal_id
from localcloud.cloud import ISSUER_HOST, ISSUER_PATH
from localcloud.testing import RunningCloud, reached_as_from_a_pod

ISSUER = f"https://{ISSUER_HOST}{ISSUER_PATH}"
KEY_VAULT = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"
SECRETS_USER = [{"role": "Key Vault Secrets User", "scope": "keyVault/alpha"}]


def workload(name: str, **more: Any) -> dict[str, Any]:
    return {"namespace": "test", "serviceAccount": name, **more}


def credential(number: int, **more: Any) -> dict[str, Any]:
    return {"issuer": ISSUER, "subject": f"system:serviceaccount:pipelines:{number}", **more}


MODEL: dict[str, Any] = {
    "entities": {"keyVault": {"alpha": {}}},
    "workloads": {
        "managed": workload("managed", grants=SECRETS_USER),
        "registered": workload("registered", identity="application", grants=SECRETS_USER),
        "trusting": workload(
            "trusting",
            identity="application",
            grants=SECRETS_USER,
            federatedCredentials=[credential(1), credential(2, audience="api://Pipelines")],
        ),
        "distrusting": workload("distrusting", trustsCluster=False),
        "pipeline": workload("pipeline", trustsCluster=False, federatedCredentials=[credential(3)]),
        "api-v1": workload("api-v1", identity="application"),
        "api-v2": workload("api-v2", identity="application", requestedAccessTokenVersion=2),
    },
}


@pytest.fixture(scope="module")
def running(
    start_cloud: Callable[..., RunningCloud], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningCloud]:
    access = tmp_path_factory.mktemp("identities") / "access.yaml"
    access.write_text(yaml.safe_dump(MODEL))
    cloud = start_cloud(access)
    cloud.cloud.secrets.put("alpha", "value")
    with reached_as_from_a_pod(cloud):
        yield cloud


def token_of(running: RunningCloud, name: str, scope: str, **claims: Any) -> str:
    """An access token of the workload, for a projected token with these claims."""
    file = running.token_file(name, **claims)
    with WorkloadIdentityCredential(
        tenant_id=TENANT_ID, client_id=client_id(name), token_file_path=str(file)
    ) as holder:
        return str(holder.get_token(scope).token)


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


@pytest.mark.parametrize("name", ["managed", "registered"])
def test_a_managed_identity_and_an_app_registration_read_their_secret(running: RunningCloud, name: str) -> None:
    """Either holds the credential of its service account, and its role counts."""
    with (
        WorkloadIdentityCredential(**running.workload_identity(name)) as holder,
        SecretClient(running.vault_url, holder) as client,
    ):
        assert client.get_secret("alpha").value == "value"


def test_a_token_says_which_managed_identity_it_is_of(running: RunningCloud) -> None:
    """`xms_mirid` is the managed identity's resource id; an app registration's token has none."""
    scope = "https://vault.azure.net/.default"
    managed = claims_of(token_of(running, "managed", scope))
    assert managed["xms_mirid"].endswith("/Microsoft.ManagedIdentity/userAssignedIdentities/managed")
    assert "xms_mirid" not in claims_of(token_of(running, "registered", scope))
    assert managed["oid"] == managed["sub"] == principal_id("managed")


@pytest.mark.parametrize(
    ("claims", "trusted"),
    [
        ({}, True),
        ({"namespace": "pipelines", "service_account": "1"}, True),
        ({"namespace": "pipelines", "service_account": "2", "audience": "api://Pipelines"}, True),
        ({"namespace": "pipelines", "service_account": "2"}, False),
        ({"namespace": "pipelines", "service_account": "1", "audience": "api://Pipelines"}, False),
        ({"namespace": "pipelines", "service_account": "3"}, False),
    ],
)
def test_further_credentials_are_trusted_as_they_are_written(
    running: RunningCloud, claims: dict[str, str], trusted: bool
) -> None:
    """Issuer, subject and audience of one credential fit, or the token is refused."""
    if trusted:
        token = token_of(running, "trusting", "https://vault.azure.net/.default", **claims)
        assert claims_of(token)["oid"] == principal_id("trusting")
    else:
        with pytest.raises(ClientAuthenticationError, match=r"AADSTS70021[23]:"):
            token_of(running, "trusting", "https://vault.azure.net/.default", **claims)


def test_an_identity_without_a_credential_trusts_nothing(running: RunningCloud) -> None:
    """Its own service account is refused with AADSTS70025; with one other credential that alone is trusted."""
    scope = "https://vault.azure.net/.default"
    with pytest.raises(ClientAuthenticationError, match="AADSTS70025:"):
        token_of(running, "distrusting", scope)
    with pytest.raises(ClientAuthenticationError, match="AADSTS700213:"):
        token_of(running, "pipeline", scope)
    assert token_of(running, "pipeline", scope, namespace="pipelines", service_account="3")


V1, V2 = client_id("api-v1"), client_id("api-v2")
# What is asked for, and the token's `aud` and `ver`.
AUDIENCES: dict[str, tuple[str, str, str]] = {
    "a service's URI": ("https://vault.azure.net", "https://vault.azure.net", "1.0"),
    "a service's URI with a slash": ("https://vault.azure.net/", "https://vault.azure.net/", "1.0"),
    "a service's client id": (KEY_VAULT, KEY_VAULT, "1.0"),
    "a service's client id in capitals": (KEY_VAULT.upper(), KEY_VAULT, "1.0"),
    "an API of version 1 by its URI": (f"api://{V1}", f"api://{V1}", "1.0"),
    "an API of version 1 by its client id": (V1, V1, "1.0"),
    "an API of version 2 by its URI": (f"api://{V2}", V2, "2.0"),
    "an API of version 2 by its client id": (V2, V2, "2.0"),
}


@pytest.mark.parametrize("name", AUDIENCES)
def test_the_audience_is_as_azure_writes_it(running: RunningCloud, name: str) -> None:
    """In version 1.0 `aud` is what was asked for, in version 2.0 the API's client id, and the issuer goes with it."""
    asked, audience, version = AUDIENCES[name]
    claims = claims_of(token_of(running, "managed", f"{asked}/.default"))
    assert (claims["aud"], claims["ver"]) == (audience, version)
    if version == "1.0":
        assert claims["iss"] == f"https://sts.windows.net/{TENANT_ID}/"
        assert (claims["appid"], claims["appidacr"]) == (client_id("managed"), "2")
    else:
        assert claims["iss"] == f"https://login.microsoftonline.com/{TENANT_ID}/v2.0"
        assert (claims["azp"], claims["azpacr"]) == (client_id("managed"), "2")
        assert not {"appid", "appidacr", "idp"} & claims.keys()


def vault(running: RunningCloud, token: str) -> httpx.Response:
    tls = running.cloud.certificates.client_context()
    with httpx.Client(proxy=running.cloud.proxy_url, verify=tls) as client:
        return client.get(
            f"{running.vault_url}/secrets/alpha?api-version=7.6", headers={"Authorization": f"Bearer {token}"}
        )


def test_a_service_takes_a_token_for_its_client_id(running: RunningCloud) -> None:
    """The same service under its other name."""
    assert vault(running, token_of(running, "managed", f"{KEY_VAULT}/.default")).json()["value"] == "value"


@pytest.mark.parametrize("asked", [f"api://{V1}", V1, f"api://{V2}"])
def test_a_token_for_an_api_opens_no_service(running: RunningCloud, asked: str) -> None:
    """An API that got a token cannot use it at Key Vault, whatever its version."""
    assert vault(running, token_of(running, "managed", f"{asked}/.default")).status_code == 401


@pytest.mark.parametrize("asked", [client_id("managed"), f"api://{client_id('managed')}", "api://unknown"])
def test_a_managed_identity_is_no_api(running: RunningCloud, asked: str) -> None:
    """Only an app registration is a resource that tokens are for."""
    with pytest.raises(ClientAuthenticationError, match="AADSTS500011:"):
        token_of(running, "managed", f"{asked}/.default")


def test_version_1_of_the_endpoint_is_asked_for_a_resource(running: RunningCloud) -> None:
    """Older clients post `resource` to /oauth2/token; its numbers are text, and the token is the same."""
    form = {
        "grant_type": "client_credentials",
        "client_id": client_id("managed"),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": running.token_file("managed").read_text(),
        "resource": "https://vault.azure.net",
    }
    tls = running.cloud.certificates.client_context()
    with httpx.Client(proxy=running.cloud.proxy_url, verify=tls) as client:
        url = f"https://login.microsoftonline.com/{TENANT_ID}/oauth2/token"
        body = client.post(url, data=form).json()
        refused = client.post(url, data={**form, "resource": ""}).json()
    assert (body["expires_in"], body["resource"]) == ("3599", "https://vault.azure.net")
    assert int(body["expires_on"]) - int(body["not_before"]) == 3600
    assert vault(running, body["access_token"]).status_code == 200
    assert refused["error_codes"] == [900144]


def test_a_token_of_either_version_verifies_with_the_published_keys(running: RunningCloud) -> None:
    """An API of your own verifies it as it does on Azure: issuer, audience and signature by the discovery document."""
    tls = running.cloud.certificates.client_context()
    with httpx.Client(proxy=running.cloud.proxy_url, verify=tls) as client:
        for asked, version in ((V1, ""), (V2, "/v2.0")):
            base = f"https://login.microsoftonline.com/{TENANT_ID}{version}"
            document = client.get(f"{base}/.well-known/openid-configuration").json()
            keys = KeySet.import_key_set(client.get(document["jwks_uri"]).json())
            claims = jwt.decode(token_of(running, "managed", f"{asked}/.default"), keys, algorithms=["RS256"]).claims
            assert claims["iss"] == document["issuer"]


def with_credentials(number: int) -> dict[str, Any]:
    return {"federatedCredentials": [credential(each) for each in range(number)]}


# The workload's fields, and what is said of them; None if they are taken.
WORKLOADS: dict[str, tuple[dict[str, Any], str | None]] = {
    "19 credentials beside its own": (with_credentials(19), None),
    "20 credentials beside its own": (
        with_credentials(20),
        "workloads.app: an identity has at most 20 federated credentials, and this one has 21",
    ),
    "20 credentials in place of its own": (with_credentials(20) | {"trustsCluster": False}, None),
    "20 of an app registration": (with_credentials(20) | {"identity": "application"}, "at most 20"),
    "the same pair twice": ({"federatedCredentials": [credential(1), credential(1)]}, "Entra takes each pair once"),
    "the same pair for two audiences": (
        {"federatedCredentials": [credential(1), credential(1, audience="api://Other")]},
        "Entra takes each pair once",
    ),
    "an issuer without TLS": (
        {"federatedCredentials": [{"issuer": "http://issuer/", "subject": "x"}]},
        "federatedCredentials[0].issuer",
    ),
    "a space after the issuer": (
        {"federatedCredentials": [{"issuer": "https://issuer/ ", "subject": "x"}]},
        "federatedCredentials[0].issuer",
    ),
    "no subject": ({"federatedCredentials": [{"issuer": "https://issuer/", "subject": ""}]}, "[0].subject"),
    "a subject of 600 characters": (
        {"federatedCredentials": [{"issuer": "https://issuer/", "subject": "x" * 600}]},
        None,
    ),
    "a subject of 601 characters": (
        {"federatedCredentials": [{"issuer": "https://issuer/", "subject": "x" * 601}]},
        "[0].subject: String should have at most 600 characters",
    ),
    "an audience of 601 characters": ({"federatedCredentials": [credential(1, audience="x" * 601)]}, "[0].audience"),
    "another kind of identity": ({"identity": "user"}, "workloads.app.identity"),
    "a managed identity as an API": (
        {"requestedAccessTokenVersion": 2},
        "requestedAccessTokenVersion belongs to an app registration",
    ),
    "another version": ({"identity": "application", "requestedAccessTokenVersion": 3}, "requestedAccessTokenVersion"),
}


@pytest.mark.parametrize("name", WORKLOADS)
def test_an_identity_that_entra_does_not_take_is_refused(tmp_path: Path, name: str) -> None:
    """Limits and combinations are checked when the file is read, and the sentence names the workload."""
    fields, sentence = WORKLOADS[name]
    path = tmp_path / "access.yaml"
    path.write_text(yaml.safe_dump({"entities": {}, "workloads": {"app": workload("app", **fields)}}))
    if sentence is None:
        assert AccessModel.load(path)
        return
    with pytest.raises(AccessFileError) as refused:
        AccessModel.load(path)
    assert sentence in str(refused.value)


def test_a_credential_taken_away_is_refused_at_once(running: RunningCloud) -> None:
    """The trust is the file's: without it the same token is refused, and a token that was issued opens nothing more."""
    file = running.cloud.settings.access
    try:
        changed = json.loads(json.dumps(MODEL))
        changed["workloads"]["trusting"]["federatedCredentials"] = []
        changed["workloads"]["trusting"]["grants"] = []
        token = token_of(
            running, "trusting", "https://vault.azure.net/.default", namespace="pipelines", service_account="1"
        )
        file.write_text(yaml.safe_dump(changed))
        with pytest.raises(ClientAuthenticationError, match="AADSTS700213:"):
            token_of(
                running, "trusting", "https://vault.azure.net/.default", namespace="pipelines", service_account="1"
            )
        assert vault(running, token).status_code == 403
    finally:
        file.write_text(yaml.safe_dump(MODEL))


def test_tokens_of_entras_two_keys_overlap(start_cloud: Callable[..., RunningCloud], tmp_path: Path) -> None:
    """After a rotation the last key still verifies and is published; after the next one it is neither."""
    access = tmp_path / "access.yaml"
    access.write_text(yaml.safe_dump(MODEL))
    cloud = start_cloud(access)
    cloud.cloud.secrets.put("alpha", "value")
    with reached_as_from_a_pod(cloud):
        old = token_of(cloud, "managed", "https://vault.azure.net/.default")
        cloud.cloud.rotate_entra_key()
        new = token_of(cloud, "managed", "https://vault.azure.net/.default")
        assert [vault(cloud, token).status_code for token in (old, new)] == [200, 200]
        assert len(cloud.cloud.entra_keys.published) == 2
        cloud.cloud.rotate_entra_key()
        assert [vault(cloud, token).status_code for token in (old, new)] == [401, 200]


def test_a_client_of_another_kind_sees_no_difference(running: RunningCloud) -> None:
    """What is denied is denied to either kind in the same words."""
    for name in ("managed", "registered"):
        with (
            WorkloadIdentityCredential(**running.workload_identity(name)) as holder,
            SecretClient(running.vault_url, holder) as client,
            pytest.raises(HttpResponseError, match="ForbiddenByRbac"),
        ):
            client.get_secret("beta")
