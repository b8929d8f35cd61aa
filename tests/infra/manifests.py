"""The manifests as a cluster is given them: every overlay rendered by the real kustomize, once for all tests."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from localcloud.cluster.render import render

K8S = Path(__file__).parents[2] / "k8s"

OVERLAYS = (
    *("local", "local-keda", "local-bindings", "kind", "eks"),
    *("aks", "aks-bindings", "aks-exposed", "aks-exposed-bindings", "aks-everything"),
)
"""Every overlay there is, and `aks-everything`: AKS with all components, those too that no overlay has.

Identity bindings are left out there: they change where tokens come from, and have overlays of their own.
"""

EXPOSED = ("aks-exposed", "aks-exposed-bindings", "aks-everything")
"""Those with a public host name."""

APPLIED = (*OVERLAYS, "smoke")
"""The overlays, and what is applied beside one: the Job of the end-to-end tests."""

Object = dict[str, Any]


@cache
def rendered(overlay: str) -> tuple[Object, ...]:
    """The objects of one of `APPLIED`. They are shared, so a test must not change them."""
    if overlay == "aks-everything":
        return _everything()
    return tuple(asyncio.run(render(K8S / "smoke" if overlay == "smoke" else K8S / "overlays" / overlay)))


@cache
def outputs(overlay: str) -> dict[str, str]:
    """The infrastructure's outputs that an overlay is filled in with."""
    folder = overlay.split("-")[0]
    data: dict[str, str] = yaml.safe_load((K8S / "overlays" / folder / "outputs.yaml").read_text())["data"]
    return data


def of_kind(overlay: str, kind: str) -> list[Object]:
    """Every object of a kind."""
    return [item for item in rendered(overlay) if item["kind"] == kind]


def named(overlay: str, kind: str, name: str) -> Object:
    """The one object of a kind and name."""
    [only] = (item for item in of_kind(overlay, kind) if item["metadata"]["name"] == name)
    return only


def pod_templates(overlay: str) -> Iterator[tuple[str, str, Object]]:
    """Namespace, name and pod template of everything in an overlay that makes pods."""
    return templates_of(rendered(overlay))


def templates_of(objects: Iterable[Object]) -> Iterator[tuple[str, str, Object]]:
    """Namespace, name and pod template of everything that makes pods; an unknown kind of controller is an error."""
    for item in objects:
        spec = item.get("spec", {})
        if item["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if "template" in spec:
            yield item["metadata"]["namespace"], item["metadata"]["name"], spec["template"]
        else:
            assert "containers" not in str(spec), f"what makes the pods of {item['kind']}?"


def strings(value: Any) -> Iterator[str]:
    """Every text in a value, at any depth; keys are not among them."""
    if isinstance(value, dict):
        for below in value.values():
            yield from strings(below)
    elif isinstance(value, list | tuple):
        for below in value:
            yield from strings(below)
    elif isinstance(value, str):
        yield value


def _everything() -> tuple[Object, ...]:
    components = sorted(folder.name for folder in (K8S / "components").iterdir() if folder.name != "identity-bindings")
    in_aks_already = yaml.safe_load((K8S / "overlays" / "aks" / "kustomization.yaml").read_text())["components"]
    return aks_with(*(name for name in components if f"../../components/{name}" not in in_aks_already))


@cache
def aks_with(*components: str) -> tuple[Object, ...]:
    """The objects of AKS with further components, in this order."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(shutil.copytree(K8S, Path(folder) / "k8s"))
        overlay = tree / "overlays" / "combined"
        overlay.mkdir()
        kustomization = {"resources": ["../aks"], "components": [f"../../components/{name}" for name in components]}
        (overlay / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        return tuple(asyncio.run(render(overlay)))
