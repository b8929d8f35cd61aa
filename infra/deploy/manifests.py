"""Render the manifests of one deployment: copy `k8s/`, put the outputs into it, and run kustomize.

The copy keeps the checkout unchanged, and two deployments apart.
"""

import json
import shutil
from pathlib import Path

from infra.deploy.programs import Programs
from infra.deploy.record import ROOT, Deployment


def render_application(programs: Programs, deployment: Deployment, tag: str) -> Path:
    """Render the overlay with the outputs and images of this tag: `aks`, or `aks-exposed` if there is a host name.

    Identity bindings have the same with `-bindings` behind.
    """
    overlays = _copy(deployment) / "overlays"
    (overlays / "aks" / "outputs.yaml").write_text(_outputs(deployment, tag))
    name = "aks-exposed" if deployment.hostname else "aks"
    return _render(
        programs, deployment, overlays / (f"{name}-bindings" if deployment.federation == "bindings" else name)
    )


def render_smoke(programs: Programs, deployment: Deployment, image: str) -> Path:
    """Render the Job that runs the end-to-end tests, with its image."""
    overlay = _copy(deployment) / "overlays" / "smoke"
    overlay.mkdir()
    name, tag = image.rsplit(":", 1)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["../../smoke"],
        "images": [{"name": "keyless/tests", "newName": name, "newTag": tag}],
    }
    (overlay / "kustomization.yaml").write_text(json.dumps(kustomization, indent=2))  # JSON is YAML too
    return _render(programs, deployment, overlay)


def _copy(deployment: Deployment) -> Path:
    tree = deployment.folder / "k8s"
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(ROOT / "k8s", tree)
    return tree


def _render(programs: Programs, deployment: Deployment, overlay: Path) -> Path:
    rendered = deployment.folder / f"{overlay.name}.yaml"
    rendered.write_text(programs.run("kubectl", "kustomize", str(overlay)))
    return rendered


def _outputs(deployment: Deployment, tag: str) -> str:
    """Return the ConfigMap that the components' replacements read. It holds no secret."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "outputs", "annotations": {"config.kubernetes.io/local-config": "true"}},
            "data": deployment.outputs | {"hostname": deployment.hostname, "imageTag": tag},
        },
        indent=2,
    )
