"""The copies that a lab breaks: of `k8s/` and of the access model. The checkout stays as it is."""

import json
import os
import re
import shutil
import time
from pathlib import Path
from typing import Any

import yaml

from demo.lab.lab import Lab
from demo.stack import ROOT

_PATCHED = "k8s/overlays/lab"
_ACCESS = "infra/access.yaml"
_EAGER = [{"op": "replace", "path": "/spec/template/spec/containers/0/readinessProbe/periodSeconds", "value": 1}]
"""The readiness probe each second and not every five, so that a learner waits less."""


class Copies:
    """Made in `folder`, with an overlay upon the one that is named `base`.

    They are as the checkout's, but for eager readiness probes if `eager`.
    """

    def __init__(self, folder: Path, base: str, *, eager: bool) -> None:
        self._base = base
        self._folder = folder.resolve()
        self._patches = [{"target": {"kind": "Deployment"}, "patch": _EAGER}] if eager else []
        self.overlay = self._folder / _PATCHED
        self.access = self._folder / _ACCESS
        self._model = yaml.safe_load((ROOT / _ACCESS).read_text())
        shutil.copytree(ROOT / "k8s", self._folder / "k8s")
        self.overlay.mkdir()
        self.access.parent.mkdir()
        self.mend()

    def prepare(self, lab: Lab) -> None:
        """Take the grants away that the lab gives anew."""
        self._write_access(lab.change.before(self._model))

    def break_(self, lab: Lab) -> None:
        """Make the lab's change. If it is one of the access model, the workload gets a new pod: the old one has access
        tokens from before, which outlive what they were given for."""
        self._write_access(lab.change.applied(self._model))
        self._write_overlay([*lab.change.manifests, *_restarts(lab)], lab.change.overlay)

    def mend(self) -> None:
        """Take the change back."""
        shutil.copyfile(ROOT / _ACCESS, self.access)
        self._write_overlay([])

    def in_checkout(self, text: str) -> str:
        """The text with the copies' paths as they are in a checkout, where the model's lines have other numbers."""
        for folder in (f"{self._folder}/", f"{os.path.relpath(self._folder)}/"):
            text = text.replace(folder, "")
        return re.sub(rf"({_ACCESS}):\d+", r"\1", text)

    def _write_access(self, model: dict[str, Any]) -> None:
        new = self.access.with_suffix(".new")
        new.write_text(yaml.safe_dump(model, sort_keys=False))
        new.replace(self.access)

    def _write_overlay(self, patches: list[dict[str, Any]], base: str = "") -> None:
        written = [patch | {"patch": json.dumps(patch["patch"])} for patch in [*self._patches, *patches]]
        text = json.dumps({"resources": [f"../{base or self._base}"], "patches": written})
        old, new = self.overlay / "kustomization.yaml", self.overlay / "new"
        if not old.exists() or old.read_text() != text:  # a file that is written anew is taken anew
            new.write_text(text)
            new.replace(old)


def _restarts(lab: Lab) -> list[dict[str, Any]]:
    """What `kubectl rollout restart` writes."""
    annotations = {"kubectl.kubernetes.io/restartedAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    patch = [{"op": "add", "path": "/spec/template/metadata/annotations", "value": annotations}]
    names = [lab.workload] if lab.change.of_access else lab.change.newPods
    return [{"target": {"kind": "Deployment", "name": name}, "patch": patch} for name in names]
