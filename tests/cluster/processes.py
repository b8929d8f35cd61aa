"""An overlay for another cluster, with the few changes by which its pods run as processes of this machine."""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml
from localcloud.authorization.model import AccessModel
from localcloud.cluster.outputs import outputs

from tests.infra.manifests import K8S

ACCESS = Path("infra/access.yaml")
NAME = "keyless"

_LIKE_LOCAL = ("frontend", "backend", "redrive")
"""The patches of the overlay `local`: loopback instead of a pod's network, and the port of AMQP."""

_WORKLOADS = {"Deployment": ("frontend", "backend"), "CronJob": ("redrive", "repair")}


def on_the_cluster(overlay: str, folder: Path) -> Path:
    """Return the overlay, in a copy of the manifests below `folder`, filled in with the local cloud's outputs."""
    copied = Path(shutil.copytree(K8S, folder / "k8s")) / "overlays" / overlay
    given = yaml.safe_load((copied / "outputs.yaml").read_text())
    given["data"] |= outputs(AccessModel.load(ACCESS), NAME)
    (copied / "outputs.yaml").write_text(json.dumps(given))
    return copied


def as_processes(overlay: Path) -> Path:
    """Return a kustomization beside the overlay that runs it as processes.

    On kind the local cloud is a workload of the cluster, and each pod knows its address and CA. Here it runs beside
    the pods, and these parts go.
    """
    tree = overlay.parents[1]
    target = tree / "overlays" / "as-processes"
    target.mkdir()
    for name in _LIKE_LOCAL:
        shutil.copy(tree / "overlays" / "local" / f"{name}.yaml", target)
    patches: list[dict[str, Any]] = [{"path": f"{name}.yaml"} for name in _LIKE_LOCAL]
    patches += _of_kind() if overlay.name == "kind" else []
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f"../{overlay.name}"],
        "replicas": [{"name": "frontend", "count": 1}],
        "patches": patches,
    }
    (target / "kustomization.yaml").write_text(json.dumps(kustomization))
    return target


def _of_kind() -> list[dict[str, Any]]:
    """The patches that take away the local cloud as a workload, and what leads the pods to it."""
    gone = {"$patch": "delete", "kind": "any", "metadata": {"name": "any"}}
    patches: list[dict[str, Any]] = [
        {"patch": json.dumps(gone), "target": {"namespace": "localcloud"}},
        {"patch": json.dumps(gone), "target": {"kind": "Namespace", "name": "localcloud"}},
        {"patch": json.dumps(gone), "target": {"kind": "ClusterRoleBinding", "name": "localcloud-issuer-discovery"}},
    ]
    return patches + [
        {"patch": json.dumps(_without_ca(kind, name)), "target": {"kind": kind, "name": name}}
        for kind, names in _WORKLOADS.items()
        for name in names
    ]


def _without_ca(kind: str, name: str) -> dict[str, Any]:
    container = {
        "name": name,
        "env": [{"name": variable, "$patch": "delete"} for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")],
        "volumeMounts": [{"mountPath": "/etc/localcloud", "$patch": "delete"}],
    }
    pod = {
        "hostAliases": None,
        "containers": [container],
        "volumes": [{"name": "localcloud-ca", "$patch": "delete"}],
    }
    spec: dict[str, Any] = {"template": {"spec": pod}}
    return {
        "apiVersion": "apps/v1" if kind == "Deployment" else "batch/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"jobTemplate": {"spec": spec}} if kind == "CronJob" else spec,
    }
