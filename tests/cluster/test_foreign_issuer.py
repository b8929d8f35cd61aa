"""The application's pods on another cluster: a real API server issues their tokens, and Entra trusts that issuer.

The local cluster runs the pods of the overlays `eks` and `kind`. Each pod is admitted by the API server first, through
the webhook, and its token is bound to it, as a kubelet would ask for it.
"""

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import WorkloadIdentityCredential
from localcloud.authorization.model import TENANT_ID, client_id
from localcloud.cluster.cluster import Cluster
from localcloud.cluster.render import render
from localcloud.cluster.webhook import WebhookSettings
from localcloud.entra.discovery import AUTHORITY
from localcloud.operator.environment import node_environment
from localcloud.testing import RunningCloud, reached_as_from_a_pod
from localcloud.testing.in_process import running_cloud

from demo.orders import Customer
from infra import signing_keys
from tests.cluster.api_server import ApiServer
from tests.cluster.bound_tokens import BoundTokens, authenticated
from tests.cluster.pods import pod
from tests.cluster.processes import ACCESS, NAME, as_processes, on_the_cluster
from tests.cluster.webhook import serving
from tests.infra.manifests import Object, rendered, templates_of

OPERATOR = ("kube-system", "keda-operator")
SERVICES = {
    "frontend": {"keyVault", "serviceBus", "cosmos", "blob"},
    "backend": {"keyVault", "serviceBus", "cosmos", "blob"},
    "redrive": {"serviceBus"},
    "repair": {"cosmos", "blob"},  # it reads the key only if a receipt is lost
}


@pytest.fixture(scope="module")
def cloud(api: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """The local cloud, whose identities trust the API server's issuer, with the application's keys in its vault."""
    assert api.apply(rendered("kind")).returncode == 0  # among it, who may read the issuer's keys
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("SSL_CERT_FILE", str(api.ca))  # by which the cloud knows the issuer, as on kind
            running = stack.enter_context(running_cloud(ACCESS.absolute(), name=NAME, issuers=[api.issuer]))
        pair = signing_keys.receipt_key_pair()
        kid = running.set_secret(signing_keys.RECEIPT_PUBLIC_KEY, pair.public)
        running.set_secret(signing_keys.RECEIPT_SIGNING_KEY, pair.private, {signing_keys.KID_TAG: kid})
        running.set_secret(signing_keys.FRONTEND_SIGNING_KEY, signing_keys.session_key())
        stack.enter_context(serving(api, tmp_path_factory.mktemp("webhook")))
        yield running


def templates(objects: list[Object]) -> dict[tuple[str, str], Object]:
    """A pod of each service account of an overlay, and one of KEDA's operator."""
    found = {(namespace, name): pod(namespace, name, template) for namespace, name, template in templates_of(objects)}
    container = {"name": "keda-operator", "image": "ghcr.io/kedacore/keda:2.19.0"}
    metadata = {"namespace": OPERATOR[0], "name": OPERATOR[1], "labels": {"azure.workload.identity/use": "true"}}
    spec = {"serviceAccountName": OPERATOR[1], "containers": [container]}
    return found | {OPERATOR: {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}}


@contextmanager
def tokens_of(api: ApiServer, overlay: Path) -> Iterator[BoundTokens]:
    """Apply the overlay to the API server, beside it KEDA's account, and issue tokens of its pods."""
    metadata = {"namespace": OPERATOR[0], "name": OPERATOR[1]}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    objects = asyncio.run(render(overlay))
    applied = api.apply([*objects, account])
    assert applied.returncode == 0, applied.stderr
    tokens = BoundTokens(api, templates(objects))
    try:
        yield tokens
    finally:
        tokens.close()


@dataclass
class Pods:
    """The overlay's pods as they run, on the cloud's loop."""

    cluster: Cluster
    loop: asyncio.AbstractEventLoop

    def run(self, job: str, *arguments: str) -> int:
        return self.result(self.cluster.run_job(job, arguments or None, report=print))

    def projected(self) -> list[Object]:
        """The claims of the tokens that the running pods read."""
        pods = [workload.pod for workload in self.cluster.workloads() if workload.pod]
        return [claims(token) for each in pods for token in each.projected_tokens()]

    def result(self, coroutine: Any) -> Any:
        running: Future[Any] = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        return running.result(120)


@contextmanager
def running(cloud: RunningCloud, overlay: Path, state: Path, tokens: BoundTokens) -> Iterator[Pods]:
    """Run the overlay's Deployments until the block ends."""
    cluster = Cluster(
        overlay=overlay,
        state=state,
        issue_token=tokens,
        webhook=WebhookSettings(tenant_id=TENANT_ID, authority_host=f"{AUTHORITY}/"),
        node_environment=node_environment(cloud.cloud),
        report=lambda _line: None,
        service_ports={"frontend": 0},
    )
    pods = Pods(cluster, cloud.loop)
    pods.result(cluster.start())
    try:
        pods.result(cluster.wait_ready(60))
        yield pods
    finally:
        pods.result(cluster.stop())


@pytest.mark.parametrize("overlay", ["eks", "kind"])
def test_the_pods_reach_all_four_services(api: ApiServer, cloud: RunningCloud, overlay: str, tmp_path: Path) -> None:
    """Orders get verified receipts, both jobs run, and each workload was let in wherever it goes: none was refused."""
    applied = on_the_cluster(overlay, tmp_path)
    with (
        cloud.watched(),
        tokens_of(api, applied) as tokens,
        running(cloud, as_processes(applied), tmp_path / "state", tokens) as pods,
    ):
        customer = Customer(pods.cluster.service_url("frontend"))
        for path in [customer.place("espresso beans", number) for number in (1, 2, 3)]:
            assert customer.receipt(path).order["product"] == "espresso beans"
        assert pods.run("redrive", "list") == 0
        assert pods.run("repair") == 0
        for claimed in pods.projected():
            assert claimed["iss"] == api.issuer
            admitted = tokens.pods[claimed["kubernetes.io"]["pod"]["name"]]
            assert claimed["kubernetes.io"]["pod"]["uid"] == admitted["metadata"]["uid"]
            [container] = admitted["spec"]["containers"]
            variables = {each["name"]: each.get("value") for each in container["env"]}
            assert variables["AZURE_CLIENT_ID"] == client_id(claimed["kubernetes.io"]["serviceaccount"]["name"])
    reached = {workload: {entry.scope.partition("/")[0] for entry in cloud.accesses(workload)} for workload in SERVICES}
    assert reached == SERVICES
    if overlay == "eks":  # KEDA asks for the queue's length there
        assert {entry.scope for entry in cloud.accesses("keda")} == {"serviceBus/orders"}
    assert [entry for entry in cloud.accesses() if not entry.allowed] == []


def test_a_deleted_pods_token_is_the_api_servers_no_longer_and_still_entras(
    api: ApiServer, cloud: RunningCloud, tmp_path: Path
) -> None:
    """TokenReview refuses the token as soon as its pod is gone. Entra asks no API server: it accepts it until `exp`."""
    with tokens_of(api, on_the_cluster("eks", tmp_path)) as tokens, reached_as_from_a_pod(cloud):
        kept, reviewed = (tokens.token("keyless", "frontend", "frontend-0") for _ in range(2))
        assert authenticated(api, reviewed) == (True, "")
        tokens.delete("frontend-0")
        accepted, why = authenticated(api, kept)  # the API server remembers an answer for some seconds, so another one
        assert not accepted
        assert "service account token has been invalidated" in why
        with credential(kept, tmp_path) as of_a_deleted_pod:
            assert of_a_deleted_pod.get_token("https://vault.azure.net/.default").token
        cloud.cloud.clock.ahead = claims(kept)["exp"] - claims(kept)["iat"] + 600
        try:
            with credential(kept, tmp_path) as later, pytest.raises(ClientAuthenticationError, match="AADSTS700024"):
                later.get_token("https://vault.azure.net/.default")
        finally:
            cloud.cloud.clock.ahead = 0.0


def credential(token: str, folder: Path) -> WorkloadIdentityCredential:
    """A credential without a cache, as a copy of the token elsewhere would use it."""
    file = folder / "copied-token"
    file.write_text(token)
    return WorkloadIdentityCredential(
        tenant_id=TENANT_ID, client_id=client_id("frontend"), token_file_path=str(file), disable_instance_discovery=True
    )


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    decoded: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return decoded
