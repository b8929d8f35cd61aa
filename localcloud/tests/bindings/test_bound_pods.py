"""A pod of the local cluster with an identity binding: from the manifests to the access token, and to the doctor."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import WorkloadIdentityCredential
from harness.bindings import ANNOTATION, NAMESPACE, account, bound_to, cluster_role
from harness.clusters import PATIENCE, WEB, until
from localcloud.authorization.model import TENANT_ID, client_id
from localcloud.cluster.cluster import Cluster
from localcloud.cluster.webhook import CLIENT_ID, WebhookSettings
from localcloud.doctor.chain import examine
from localcloud.doctor.history import History
from localcloud.doctor.laptop import Laptop
from localcloud.entra.discovery import AUTHORITY
from localcloud.entra.federation import Way
from localcloud.operator.advice import Advice
from localcloud.testing import RunningCloud


def write_roles(folder: Path, client: str) -> None:
    """Let the application's service account use the identity with this client id."""
    made = (cluster_role("web", client), bound_to("web", account("web")))
    dumped = [each.model_dump(mode="json", by_alias=True, exclude_unset=True) for each in made]
    (folder / "roles.yaml").write_text(yaml.safe_dump_all(dumped))


def overlay(folder: Path, annotation: str) -> Path:
    """The small application with a ClusterRole for its service account, and this annotation on its pods."""
    folder.mkdir()
    added = {
        "Deployment": {"path": "/spec/template/metadata/annotations", "value": {ANNOTATION: annotation}},
        "ServiceAccount": {"path": "/metadata/annotations", "value": {CLIENT_ID: client_id("web")}},
    }
    patches = [{"target": {"kind": kind}, "patch": json.dumps([{"op": "add", **add}])} for kind, add in added.items()]
    resources = [os.path.relpath(WEB, folder), "roles.yaml"]
    kustomization = {"namespace": NAMESPACE, "resources": resources, "patches": patches}
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization))
    write_roles(folder, client_id("web"))
    return folder


@dataclass
class Examined:
    """A running cluster with the small application. `doctor` examines its workload `web`."""

    cluster: Cluster
    laptop: Laptop

    async def variables(self) -> dict[str, str]:
        """Those that name the identity, as a pod has them."""
        [pod] = (each.pod for each in self.cluster.workloads() if each.name == "web")
        assert pod is not None
        async with httpx.AsyncClient(trust_env=False) as client:
            given = (await client.get(f"http://127.0.0.1:{pod.local_ports[8080]}")).json()["environment"]
        return {name: value for name, value in given.items() if name.startswith("AZURE_")}

    def doctor(self) -> tuple[list[str], str]:
        """The names of the broken links, and what is advised."""
        [facts] = (each for each in self.laptop.facts() if each.workload == "web")
        links = examine(facts, self.laptop.remedies)
        return [link.name for link in links if link.state == "bad"], " ".join(link.fix for link in links)


@asynccontextmanager
async def application(cloud: RunningCloud, folder: Path, annotation: str = "true") -> AsyncIterator[Examined]:
    """The small application on a cluster of the cloud."""
    api_server, history = cloud.cloud.api_server, History()
    cloud.cloud.audit.listen(history.hear)
    cloud.set_secret("alpha", "a value")  # the doctor misses a secret that is granted and not there
    cluster = Cluster(
        overlay=overlay(folder / "overlay", annotation),
        state=folder / "state",
        issue_token=cloud.cloud.issuer.issue_token,
        webhook=WebhookSettings(TENANT_ID, f"{AUTHORITY}/", api_server.token_endpoint),
        node_environment={"AMQP_PORT": "5671"},
        report=lambda _line: None,
        service_ports={"web": 0},
        api_server=api_server,
    )
    await cluster.start()
    try:
        await cluster.wait_ready(PATIENCE)
        advice = Advice(cloud.cloud.model, Path("access.yaml"), cloud.cloud.federation)
        yield Examined(cluster, Laptop(cloud.cloud, cluster, history, advice))
    finally:
        await cluster.stop()


def exchanged() -> str:
    """An access token for the variables of this process."""
    with WorkloadIdentityCredential(enable_azure_proxy=True, retry_total=0) as credential:
        return credential.get_token("https://vault.azure.net/.default").token


async def test_a_pod_exchanges_its_token_through_the_cluster(
    cloud: RunningCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pod's own variables, volume and CA lead to a token. The doctor names the link that is broken after it."""
    async with application(cloud, tmp_path) as web:
        variables = await web.variables()
        assert len(variables) == 7
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert exchanged()
        assert web.doctor()[0] == []

        write_roles(tmp_path / "overlay", client_id("jobs"))
        await until(lambda: not cloud.cloud.api_server.roles.may_use(NAMESPACE, "web", client_id("web")))
        with pytest.raises(ClientAuthenticationError, match="ManagedIdentityForbidden"):
            exchanged()
        broken, advised = web.doctor()
        assert broken == ["ClusterRole"]
        assert f"the resources [{client_id('web')}]" in advised

        cloud.cloud.federation.way = Way.CREDENTIALS
        broken, advised = web.doctor()
        assert broken == ["identity binding"]
        assert "az aks identity-binding create" in advised


async def test_a_bound_identitys_pod_without_the_annotation_is_named(cloud: RunningCloud, tmp_path: Path) -> None:
    """The doctor says that the pod asks Entra, and which annotation it lacks; if both ways work, nothing is broken."""
    async with application(cloud, tmp_path, annotation="false") as web:
        assert len(await web.variables()) == 4
        broken, advised = web.doctor()
        assert broken == ["identity binding"]
        assert 'azure.workload.identity/use-identity-binding: "true"' in advised
        cloud.cloud.federation.way = Way.BOTH
        assert web.doctor()[0] == []
