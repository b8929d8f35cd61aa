"""A pod with an identity binding, as the webhook makes it, and the manifests' ClusterRoles for it."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localcloud.authorization.model import TENANT_ID, client_id
from localcloud.cluster.bindings.cluster_roles import API_GROUP, VERB
from localcloud.cluster.resources import ClusterRole, ClusterRoleBinding
from localcloud.cluster.webhook import CLIENT_ID, LABEL, MOUNT_PATH, NotAdmitted, WebhookSettings, mutate
from localcloud.entra.discovery import AUTHORITY
from localcloud.testing import RunningCloud

ANNOTATION = "azure.workload.identity/use-identity-binding"
NAMESPACE = "shop"


def cluster_role(name: str, *resources: str, **rule: Any) -> ClusterRole:
    """A ClusterRole with one rule, by default the one of an identity binding for these client ids."""
    whole = {"apiGroups": [API_GROUP], "resources": list(resources), "verbs": [VERB], **rule}
    return ClusterRole.model_validate(
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}}
        | {"rules": [whole]}
    )


def bound_to(role: str, *subjects: dict[str, str]) -> ClusterRoleBinding:
    """A ClusterRoleBinding of the ClusterRole of this name."""
    return ClusterRoleBinding.model_validate(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"{role}-{uuid.uuid4().hex[:8]}"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": list(subjects),
        }
    )


def account(name: str, namespace: str = NAMESPACE) -> dict[str, str]:
    """A subject: a service account."""
    return {"kind": "ServiceAccount", "namespace": namespace, "name": name}


def let(running: RunningCloud, *workloads: str) -> None:
    """Let each workload's service account use its own identity, and take every other ClusterRole away."""
    roles = [cluster_role(name, client_id(name)) for name in workloads]
    running.cloud.api_server.roles.take(roles, [bound_to(name, account(name)) for name in workloads])


def variables_of_pod(
    running: RunningCloud,
    folder: Path,
    workload: str,
    *,
    client: str | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The variables of a pod of the workload after the webhook. Its volume's files are made in the folder.

    Without `labels` and `annotations` it has the label and the annotation of an identity binding.
    """
    pod = {
        "metadata": {
            "name": f"{workload}-0",
            "labels": {LABEL: "true"} if labels is None else dict(labels),
            "annotations": {ANNOTATION: "true"} if annotations is None else dict(annotations),
        },
        "spec": {"serviceAccountName": workload, "containers": [{"name": "app"}]},
    }
    service_account = {"metadata": {"name": workload, "annotations": {CLIENT_ID: client or client_id(workload)}}}
    settings = WebhookSettings(TENANT_ID, f"{AUTHORITY}/", running.cloud.api_server.token_endpoint)
    admitted = mutate(pod, service_account, settings)
    assert not isinstance(admitted, NotAdmitted)
    for source in (s for volume in admitted["spec"].get("volumes", []) for s in volume["projected"]["sources"]):
        if token := source.get("serviceAccountToken"):
            file = running.token_file(workload, audience=token["audience"], pod_name=f"{workload}-0")
            _write(folder / token["path"], file.read_text())
        if config_map := source.get("configMap"):
            _write(folder / config_map["items"][0]["path"], running.cloud.api_server.ca)
    [container] = admitted["spec"]["containers"]
    return {each["name"]: each["value"].replace(MOUNT_PATH, str(folder)) for each in container.get("env", [])}


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
