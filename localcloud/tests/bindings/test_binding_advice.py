"""What the terminal tells the operator to do about a refused identity binding, for the refusals of a real exchange."""

from collections.abc import Callable
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import WorkloadIdentityCredential
from harness.bindings import let, variables_of_pod
from localcloud.authorization.audit import AccessEntry, ExchangeEntry
from localcloud.authorization.model import client_id
from localcloud.entra.federation import Way
from localcloud.operator.advice import Advice
from localcloud.testing import RunningCloud

SCOPE = "https://vault.azure.net/.default"
UNKNOWN = "11111111-2222-3333-4444-555555555555"

CASES = {  # how the pod differs, who else may use identities, whether the SDK asks the proxy, and what is advised
    "no binding": ({"workload": "deleted"}, ("deleted",), True, "az aks identity-binding create"),
    "no ClusterRole": ({}, ("jobs",), True, f"the resources [{client_id('web')}]"),
    "another's client id": ({"client": client_id("jobs")}, ("web", "jobs"), True, f"web's own, {client_id('web')}"),
    "an unknown client id": ({"client": UNKNOWN}, ("web",), True, f"no identity has the client id {UNKNOWN}"),
    "no annotation": ({"annotations": {}}, ("web",), True, "use-identity-binding"),
    "an SDK that asks Entra": ({}, ("web",), False, "WorkloadIdentityCredential(enable_azure_proxy=True)"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_refusal_comes_with_its_advice(
    cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, case: str
) -> None:
    """The sentence names what to write, and whose."""
    pod, allowed, asks_proxy, advised = CASES[case]
    let(cloud, *allowed)
    told = advice_on(cloud)
    for name, value in variables_of_pod(cloud, tmp_path, **{"workload": "web", **pod}).items():
        monkeypatch.setenv(name, value)
    refused_exchange(enable_azure_proxy=asks_proxy)
    assert advised in (told() or "")


def test_a_token_for_the_wrong_audience_comes_with_its_advice(
    cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A pod that asks the proxy with a token for Entra, and one that asks Entra with a token for the proxy."""
    told = advice_on(cloud)
    variables = variables_of_pod(cloud, tmp_path, "web")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    cloud.cloud.federation.way = Way.BOTH
    refused_exchange(enable_azure_proxy=False)
    assert "enable_azure_proxy=True" in (told() or "")
    for_entra = cloud.token_file("web", audience="api://AzureADTokenExchange").read_text()
    Path(variables["AZURE_FEDERATED_TOKEN_FILE"]).write_text(for_entra)
    refused_exchange(enable_azure_proxy=True)
    assert "take AZURE_KUBERNETES_TOKEN_PROXY out of the manifest" in (told() or "")


def advice_on(cloud: RunningCloud) -> Callable[[], str | None]:
    """Return a function that advises on the last refused exchange."""
    heard: list[ExchangeEntry] = []

    def hear(entry: ExchangeEntry | AccessEntry) -> None:
        if isinstance(entry, ExchangeEntry):
            heard.append(entry)

    cloud.cloud.audit.listen(hear)
    advice = Advice(cloud.cloud.model, Path("access.yaml"), cloud.cloud.federation)
    return lambda: advice.on_exchange(heard[-1])


def refused_exchange(*, enable_azure_proxy: bool) -> None:
    with (
        WorkloadIdentityCredential(enable_azure_proxy=enable_azure_proxy, retry_total=0) as credential,
        pytest.raises(ClientAuthenticationError),
    ):
        credential.get_token(SCOPE)
