"""The objects of an overlay, and the pods that controllers would make of them, which no controller makes here."""

import subprocess

from tests.cluster.api_server import ApiServer
from tests.infra.manifests import Object, rendered

DEFAULT_ACCOUNT = {
    "apiVersion": "v1",
    "kind": "ServiceAccount",
    "metadata": {"name": "default", "namespace": "keyless"},
}
"""A running controller makes it in every namespace."""


def everything(overlay: str) -> list[Object]:
    """The objects of an overlay; the smoke test's come beside an application."""
    return [*(rendered("aks") if overlay == "smoke" else ()), *rendered(overlay)]


def pod(namespace: str, name: str, template: Object) -> Object:
    metadata = {**template["metadata"], "namespace": namespace, "name": name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def create(api: ApiServer, made: Object, *options: str) -> "subprocess.CompletedProcess[str]":
    """Create the object with a dry run: all of admission runs, and nothing is stored."""
    return api.kubectl("create", "--dry-run=server", "--validate=strict", "--filename=-", *options, given=made)
