"""A pod of the local cluster with an identity binding: from the manifests to the access token."""

import json
import os
from pathlib import Path

import httpx
import pytest
import yaml
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import WorkloadIdentityCredential
from harness.bindings import ANNOTATION, account, bound_to, cluster_role
from harness.clusters import PATIENCE, WEB, until
from localcloud.authorization.model import TENANT_ID, client_id
from localcloud.cluster.cluster import Cluster
from localcloud.cluster.webhook import CLIENT_ID, WebhookSettings
from localcloud.entra.discovery import AUTHORITY
from localcloud.testing import RunningCloud

NAMESPACE = "test"  # of the small application


def overlay(folder: Path) -> Path:
    """The small application, its pods annotated, with a ClusterRole for its service account."""
    patches = {
        "Deployment": {"path": "/spec/template/metadata/annotations", "value": {ANNOTATION: "true"}},
        "ServiceAccount": {"path": "/metadata/annotations", "value": {CLIENT_ID: client_id("web")}},
    }
    kustomization = {
        "resources": [os.path.relpath(WEB, folder), "roles.yaml"],
        "patches": [
            {"target": {"kind": kind}, "patch": json.dumps([{"op": "add", **patch}])} for kind, patch in patches.items()
        ],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization))
    write_roles(folder, client_id("web"))
    return folder


def write_roles(folder: Path, client: str) -> None:
    """Let the application's service account use the identity with this client id."""
    made = (cluster_role("web", client), bound_to("web", account("web", NAMESPACE)))
    dumped = [each.model_dump(mode="json", by_alias=True, exclude_unset=True) for each in made]
    (folder / "roles.yaml").write_text(yaml.safe_dump_all(dumped))


def exchanged() -> str:
    """An access token for the variables of this process."""
    with WorkloadIdentityCredential(enable_azure_proxy=True, retry_total=0) as credential:
        return credential.get_token("https://vault.azure.net/.default").token


async def test_a_pod_exchanges_its_token_through_the_cluster(
    cloud: RunningCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pod's own variables, volume and CA lead to a token. An edit of the ClusterRole counts without a new pod."""
    (tmp_path / "overlay").mkdir()
    api_server = cloud.cloud.api_server
    cluster = Cluster(
        overlay=overlay(tmp_path / "overlay"),
        state=tmp_path / "state",
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
        async with httpx.AsyncClient(trust_env=False) as client:
            given = (await client.get(cluster.service_url("web"))).json()["environment"]
        variables = {name: value for name, value in given.items() if name.startswith("AZURE_")}
        assert len(variables) == 7
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert exchanged()
        write_roles(tmp_path / "overlay", client_id("jobs"))
        await until(lambda: not api_server.roles.may_use(NAMESPACE, "web", client_id("web")))
        with pytest.raises(ClientAuthenticationError, match="ManagedIdentityForbidden"):
            exchanged()
    finally:
        await cluster.stop()
