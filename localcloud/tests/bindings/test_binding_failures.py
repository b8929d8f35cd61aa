"""Every failure of an identity binding by its name, as the program that meets it is told, sync and aio."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError, ServiceRequestError
from azure.identity import WorkloadIdentityCredential
from harness.bindings import ANNOTATION, account, bound_to, cluster_role, let, variables_of_pod
from localcloud.authorization.model import client_id
from localcloud.cluster.webhook import LABEL
from localcloud.faults import Fault, Kind
from localcloud.testing import RunningCloud

SCOPE = "https://vault.azure.net/.default"
UNKNOWN = "11111111-2222-3333-4444-555555555555"

Variables = dict[str, str]
Change = Callable[[RunningCloud, Variables], None]


def unchanged(_cloud: RunningCloud, _variables: Variables) -> None:
    """Break nothing more than the manifest does."""


@dataclass(frozen=True)
class Failure:
    """`pod` is how the manifest differs from the whole one of the workload `web`. `change` breaks something after it.

    `error` and `words` are what the program is told.
    """

    error: type[Exception]
    words: str
    pod: Mapping[str, Any] = field(default_factory=dict)
    change: Change = unchanged


def refused(words: str, *, change: Change = unchanged, **pod: Any) -> Failure:
    return Failure(ClientAuthenticationError, words, pod, change)


def other_token(**claims: Any) -> Change:
    """Project another token than the webhook's volume asks for."""

    def change(cloud: RunningCloud, variables: Variables) -> None:
        token = cloud.token_file("web", **{"audience": "api://AKSIdentityBinding", **claims}).read_text()
        Path(variables["AZURE_FEDERATED_TOKEN_FILE"]).write_text(token)

    return change


def forged(cloud: RunningCloud, variables: Variables) -> None:
    """Put another token's signature under the pod's."""
    file = Path(variables["AZURE_FEDERATED_TOKEN_FILE"])
    other = cloud.token_file("jobs", audience="api://AKSIdentityBinding").read_text()
    file.write_text(f"{file.read_text().rpartition('.')[0]}.{other.rpartition('.')[2]}")


def no_role(cloud: RunningCloud, _variables: Variables) -> None:
    let(cloud, "jobs")


def role_of_another_namespace(cloud: RunningCloud, _variables: Variables) -> None:
    role = cluster_role("web", client_id("web"))
    cloud.cloud.api_server.roles.take([role], [bound_to("web", account("web", "another-namespace"))])


def written(variable: str, text: str) -> Change:
    """Write this into the file that the variable names."""

    def change(_cloud: RunningCloud, variables: Variables) -> None:
        Path(variables[variable]).write_text(text)

    return change


def variable(name: str, value: str) -> Change:
    return lambda _cloud, variables: variables.update({name: value})


def broken(kind: Kind) -> Change:
    return lambda cloud, _variables: cloud.cloud.faults.begin("token-proxy", Fault(kind))


OTHER_CA = trustme.CA().cert_pem.bytes().decode()
UNVERIFIED = "CERTIFICATE_VERIFY_FAILED"
PROXY, SNI, CA = (f"AZURE_KUBERNETES_{name}" for name in ("TOKEN_PROXY", "SNI_NAME", "CA_FILE"))

FAILURES = {
    # What Azure's control plane lacks.
    "no binding": refused("IdentityBindingNotFound", workload="deleted"),
    "no binding, because its program can't use the proxy": refused("IdentityBindingNotFound", workload="scaler"),
    "no binding, because it is an app registration": refused("IdentityBindingNotFound", workload="registered"),
    # What the manifests lack.
    "an unknown client id": refused("IdentityBindingNotFound", client=UNKNOWN),
    "another workload's client id": refused("ManagedIdentityForbidden", client=client_id("jobs")),
    "no ClusterRole": refused("ManagedIdentityForbidden", change=no_role),
    "a ClusterRole of another namespace": refused("ManagedIdentityForbidden", change=role_of_another_namespace),
    "no annotation": refused("AADSTS700211", annotations={}),
    "an annotation that is not true": refused("AADSTS700211", annotations={ANNOTATION: "1"}),
    "no label": Failure(ValueError, "'token_file_path'", {"labels": {}}),
    "a label that is not true": Failure(ValueError, "'token_file_path'", {"labels": {LABEL: "yes"}}),
    # The token.
    "a token for Entra": refused("TokenAudienceWrong", change=other_token(audience="api://AzureADTokenExchange")),
    "an expired token": refused("TokenInvalid", change=other_token(lifetime_seconds=-1)),
    "a forged token": refused("TokenInvalid", change=forged),
    "no token": refused("TokenInvalid", change=written("AZURE_FEDERATED_TOKEN_FILE", "no token")),
    "an empty token file": refused("TokenRequestMalformed", change=written("AZURE_FEDERATED_TOKEN_FILE", "")),
    # The connection.
    "another CA": Failure(ServiceRequestError, UNVERIFIED, change=written(CA, OTHER_CA)),
    "an empty CA file": Failure(ValueError, "is empty", change=written(CA, "")),
    "a CA file that is missing": Failure(ValueError, "/nowhere/ca.crt", change=variable(CA, "/nowhere/ca.crt")),
    "another SNI name": Failure(ServiceRequestError, UNVERIFIED, change=variable(SNI, "a0.ests.aks")),
    "no SNI name": Failure(AzureError, "no Kubernetes API", change=variable(SNI, "")),
    "no address": Failure(ValueError, f"{PROXY} is not set", change=variable(PROXY, "")),
    "an address without TLS": Failure(ValueError, "https", change=variable(PROXY, "http://127.0.0.1:1")),
    "nothing listens": Failure(ServiceRequestError, "onnect", change=variable(PROXY, "https://127.0.0.1:9")),
    # The proxy.
    "the proxy is down": Failure(AzureError, "onnect", change=broken(Kind.DOWN)),
    "the proxy is throttled (429)": Failure(HttpResponseError, "too many requests", change=broken(Kind.THROTTLING)),
    "the proxy fails (503)": Failure(HttpResponseError, "temporarily unavailable", change=broken(Kind.FAILING)),
}


@pytest.mark.parametrize("case", FAILURES)
def test_each_failure_has_its_name(
    cloud: RunningCloud, exchange: Callable[[Variables], str], tmp_path: Path, case: str
) -> None:
    """Whatever is broken, the program's exception names it."""
    failure = FAILURES[case]
    variables = variables_of_pod(cloud, tmp_path, **{"workload": "web", **failure.pod})
    failure.change(cloud, variables)
    with pytest.raises(failure.error, match=failure.words):
        exchange(variables)


@pytest.mark.parametrize(("kind", "status"), [(Kind.THROTTLING, 429), (Kind.FAILING, 503)])
def test_the_sdk_tries_a_busy_proxy_again(
    cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: Kind, status: int
) -> None:
    """After a 429 or a 503 the credential asks again, and has its token if the proxy answers by then."""
    for name, value in variables_of_pod(cloud, tmp_path, "web").items():
        monkeypatch.setenv(name, value)
    cloud.cloud.faults.begin("token-proxy", Fault(kind, 0.0))
    statuses: list[int] = []

    def end_the_fault(response: Any) -> None:
        statuses.append(response.http_response.status_code)
        cloud.cloud.faults.end("token-proxy")

    with WorkloadIdentityCredential(enable_azure_proxy=True, raw_response_hook=end_the_fault) as credential:
        assert credential.get_token(SCOPE).token
    assert statuses == [status, 200]
