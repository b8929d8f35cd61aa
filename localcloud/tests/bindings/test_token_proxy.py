"""The cluster's token proxy: whose token it gives, in which order it asks, and what of Entra it hands on."""

import base64
import json
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient
from harness.bindings import let, variables_of_pod
from joserfc import jwt
from joserfc.jwk import RSAKey
from localcloud.authorization.audit import read
from localcloud.authorization.keys import identified
from localcloud.authorization.model import TENANT_ID, client_id, principal_id
from localcloud.cluster.bindings.api_server import sni_name
from localcloud.entra.federation import Way, binding_issuer
from localcloud.faults import Fault, Kind
from localcloud.testing import RunningCloud

Exchange = Callable[[dict[str, str]], str]
SCOPE = "https://vault.azure.net/.default"
AUDIENCE = "api://AKSIdentityBinding"


def claims_of(token: str) -> dict[str, Any]:

    payload = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


def ask(cloud: RunningCloud, path: str = "/", *, sni: str | None = None, **form: str) -> httpx.Response:
    """Post a token request to the token proxy. A field whose value is empty is left out."""
    endpoint = cloud.cloud.api_server.token_endpoint
    whole = {
        "grant_type": "client_credentials",
        "client_id": client_id("web"),
        "scope": SCOPE,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": cloud.token_file("web", audience=AUDIENCE).read_text(),
    } | form
    context = ssl.create_default_context(cadata=cloud.cloud.api_server.ca)
    with httpx.Client(verify=context, trust_env=False) as client:
        return client.post(
            f"{endpoint.proxy}{path}",
            data={name: value for name, value in whole.items() if value},
            extensions={"sni_hostname": endpoint.sni_name if sni is None else sni},
        )


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    """Status, OAuth's error, and the refusal's name."""
    body = response.json()
    return response.status_code, body["error"], body["error_description"].partition(":")[0]


def test_a_token_comes_through_the_proxy(cloud: RunningCloud, exchange: Exchange, tmp_path: Path) -> None:
    """The access token is the identity's, and a service takes it."""
    claims = claims_of(exchange(variables_of_pod(cloud, tmp_path, "web")))
    assert (claims["oid"], claims["appid"]) == (principal_id("web"), client_id("web"))
    cloud.set_secret("alpha", "a value")
    with WorkloadIdentityCredential(enable_azure_proxy=True) as credential:
        assert SecretClient(cloud.vault_url, credential).get_secret("alpha").value == "a value"


def test_entra_is_asked_by_the_bindings_issuer(cloud: RunningCloud, exchange: Exchange, tmp_path: Path) -> None:
    """The trail has the issuer of the identity's binding, and still names the pod."""
    exchange(variables_of_pod(cloud, tmp_path, "web"))
    entry = read(cloud.cloud.settings.state / "audit.jsonl")[-1]
    assert (entry["issuer"], entry["result"]) == (binding_issuer(client_id("web")), "ok")
    assert (entry["workload"], entry["pod"], entry["resource"]) == ("web", "web-0", "https://vault.azure.net")


@pytest.mark.parametrize("path", ["/", f"/{TENANT_ID}/oauth2/v2.0/token", "/anything"])
def test_the_path_does_not_count(cloud: RunningCloud, path: str) -> None:
    """The SDK writes the tenant and Entra's path behind the address, and others nothing."""
    assert ask(cloud, path).json()["access_token"]


def test_the_questions_are_asked_in_order(cloud: RunningCloud) -> None:
    """A request that is wrong in every way gets one refusal after another, as one thing after another is put right."""
    let(cloud)
    stranger = identified(RSAKey.generate_key(2048))
    now = int(time.time())
    foreign = {"iss": "https://elsewhere/", "sub": "system:serviceaccount:shop:web", "aud": "x", "exp": now - 60}
    of_stranger = jwt.encode({"alg": "RS256", "kid": stranger.kid}, foreign, stranger, algorithms=["RS256"])
    for_entra = cloud.token_file("web", audience="api://AzureADTokenExchange").read_text()
    unbound = client_id("registered")
    wrong = {"client_id": unbound, "scope": "nothing"}
    asked = [
        ({"client_id": ""}, (400, "invalid_request", "TokenRequestMalformed")),
        ({"client_assertion": ""}, (400, "invalid_request", "TokenRequestMalformed")),
        (wrong | {"client_assertion": of_stranger}, (401, "invalid_client", "TokenInvalid")),
        (wrong | {"client_assertion": for_entra}, (401, "invalid_client", "TokenAudienceWrong")),
        (wrong, (403, "unauthorized_client", "IdentityBindingNotFound")),
        ({"scope": "nothing"}, (403, "access_denied", "ManagedIdentityForbidden")),
    ]
    assert [refusal(ask(cloud, **form)) for form, _ in asked] == [expected for _, expected in asked]
    let(cloud, "web")
    assert refusal(ask(cloud, scope="nothing")) == (400, "invalid_scope", "AADSTS1002012")
    assert ask(cloud).status_code == 200


def test_every_refusal_says_whose_words_it_has(cloud: RunningCloud) -> None:
    """Azure's texts are not public, and each of the local cloud's own says so. Entra's are left as they are."""
    let(cloud)
    assert "The local cloud's own words" in ask(cloud).json()["error_description"]
    let(cloud, "web")
    assert "The local cloud's own words" not in ask(cloud, scope="nothing").json()["error_description"]


def test_the_client_ids_case_does_not_count(cloud: RunningCloud) -> None:
    """As in Entra. The ClusterRole is asked for the identity's own spelling."""
    assert ask(cloud, client_id=client_id("web").upper()).json()["access_token"]


@pytest.mark.parametrize(("kind", "status"), [(Kind.THROTTLING, 429), (Kind.FAILING, 503)])
def test_entras_answer_is_handed_on(cloud: RunningCloud, kind: Kind, status: int) -> None:
    """Status, body and the time to wait are Entra's own."""
    cloud.cloud.faults.begin("entra", Fault(kind, 7.0))
    answer = ask(cloud)
    assert answer.status_code == status
    assert answer.json()["error_description"].startswith("AADSTS")
    assert answer.headers.get("retry-after") == ("7" if status == 429 else None)


def test_an_entra_out_of_reach_is_named_as_such(cloud: RunningCloud) -> None:
    """If Entra gives no answer the proxy says so, with a status after which SDKs try again."""
    cloud.cloud.faults.begin("entra", Fault(Kind.DOWN))
    assert refusal(ask(cloud)) == (502, "temporarily_unavailable", "EntraUnreachable")


def test_the_sni_name_decides_who_answers(cloud: RunningCloud) -> None:
    """Under the API server's own names there is no API here, which is said, and no token."""
    for name in ("kubernetes.default.svc", "127.0.0.1"):
        answer = ask(cloud, sni=name)
        assert (answer.status_code, answer.json()["kind"]) == (404, "Status")
        assert "no Kubernetes API" in answer.json()["message"]


def test_the_sni_name_is_made_of_the_clusters_id() -> None:
    """As the Key Vault CSI provider makes it: one DNS label, below `ests.aks`."""
    name = sni_name("696995ccb303450001b31a18")
    assert name == "aeaf29ip1hi5q38ebc3u4daum81u0unk52t5bg50j25234fmuj78g.ests.aks"


def test_an_edited_cluster_role_counts_at_once(cloud: RunningCloud) -> None:
    """What was taken away is refused at the next request, and what was given back is not."""
    assert ask(cloud).status_code == 200
    let(cloud, "jobs")
    assert ask(cloud).status_code == 403
    let(cloud, "web")
    assert ask(cloud).status_code == 200


TRUSTED = {  # by the workload and by the way: the credentials of the cluster's issuer, and those of the binding's
    "web": {Way.CREDENTIALS: (1, 0), Way.BINDINGS: (0, 1), Way.BOTH: (1, 1)},
    "scaler": {Way.CREDENTIALS: (1, 0), Way.BINDINGS: (1, 0), Way.BOTH: (1, 0)},
    "registered": {Way.CREDENTIALS: (1, 0), Way.BINDINGS: (1, 0), Way.BOTH: (1, 0)},
    "deleted": {Way.CREDENTIALS: (0, 0), Way.BINDINGS: (0, 0), Way.BOTH: (0, 0)},
}


@pytest.mark.parametrize("workload", TRUSTED)
@pytest.mark.parametrize("way", Way)
def test_what_an_identity_trusts(cloud: RunningCloud, workload: str, way: Way) -> None:
    """A credential of the cluster, a binding's, or both; a program that can't use the proxy keeps its credential."""
    cloud.cloud.federation.way = way
    issuers = [each.issuer for each in cloud.cloud.federation.credentials_of(workload)]
    own, of_binding = TRUSTED[workload][way]
    assert issuers == [cloud.cloud.issuer.url] * own + [binding_issuer(client_id(workload))] * of_binding


def test_a_change_of_federation_counts_at_once(cloud: RunningCloud, exchange: Exchange, tmp_path: Path) -> None:
    """A pod of each kind has its token while both ways are open, and only the one kind before and after."""
    plain = variables_of_pod(cloud, tmp_path / "plain", "web", annotations={})
    bound = variables_of_pod(cloud, tmp_path / "bound", "web")
    unset = dict.fromkeys(bound.keys() - plain.keys(), "")
    for way, plain_works, bound_works in (
        (Way.CREDENTIALS, True, False),
        (Way.BOTH, True, True),
        (Way.BINDINGS, False, True),
    ):
        cloud.cloud.federation.way = way
        for variables, works in ((plain | unset, plain_works), (bound, bound_works)):
            try:
                exchange(variables)
            except ClientAuthenticationError:
                assert not works, (way, variables)
            else:
                assert works, (way, variables)


@pytest.mark.parametrize(("way", "code"), [(Way.BINDINGS, "AADSTS700211"), (Way.BOTH, "AADSTS700212")])
def test_a_pod_that_asks_entra_itself_is_refused(
    cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: Way, code: str
) -> None:
    """An SDK without `enable_azure_proxy` presents the proxy's token to Entra, as on Azure."""
    cloud.cloud.federation.way = way
    for name, value in variables_of_pod(cloud, tmp_path, "web").items():
        monkeypatch.setenv(name, value)
    with WorkloadIdentityCredential() as credential, pytest.raises(ClientAuthenticationError, match=code):
        credential.get_token(SCOPE)
