"""The fields of manifests: those honoured, those that have no effect on a laptop's process, and all others, an error.

The honoured fields are the types in `resources.py`. The ignored ones are listed here as paths. `[]` is any item of a
list. A path includes all paths below it.
"""

import textwrap
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

from localcloud.cluster.keda.manifests import ScaledObject, TriggerAuthentication
from localcloud.cluster.resources import (
    ClusterRole,
    ClusterRoleBinding,
    ConfigMap,
    CronJob,
    Deployment,
    PodTemplate,
    Service,
    ServiceAccount,
)

HONOURED: dict[str, type[BaseModel]] = {
    "ClusterRole": ClusterRole,
    "ClusterRoleBinding": ClusterRoleBinding,
    "ConfigMap": ConfigMap,
    "CronJob": CronJob,
    "Deployment": Deployment,
    "ScaledObject": ScaledObject,
    "Service": Service,
    "ServiceAccount": ServiceAccount,
    "TriggerAuthentication": TriggerAuthentication,
}

IGNORED_KINDS = ("Namespace", "NetworkPolicy", "PodDisruptionBudget", "Role", "RoleBinding")

_CONTAINER = (
    "image",
    "imagePullPolicy",
    "lifecycle.preStop.sleep",  # a Service here has taken the pod out and drained it before the pod is told to stop
    "resources",
    "securityContext",
    "terminationMessagePath",
    "terminationMessagePolicy",
)

_POD = (
    *(f"{containers}[].{field}" for containers in ("initContainers", "containers") for field in _CONTAINER),
    "affinity",
    "automountServiceAccountToken",  # there is no API server whose token could be mounted
    "enableServiceLinks",  # nor are there links
    "nodeSelector",
    "priorityClassName",
    "securityContext",
    "tolerations",
    "topologySpreadConstraints",
    "volumes[].emptyDir.medium",
    "volumes[].emptyDir.sizeLimit",
)

IGNORED: dict[str, tuple[str, ...]] = {
    "CronJob": (
        "spec.schedule",
        "spec.concurrencyPolicy",
        "spec.successfulJobsHistoryLimit",
        "spec.failedJobsHistoryLimit",
        "spec.jobTemplate.spec.ttlSecondsAfterFinished",
        *(f"spec.jobTemplate.spec.template.spec.{field}" for field in _POD),
    ),
    "Deployment": (
        "spec.minReadySeconds",
        "spec.revisionHistoryLimit",
        "spec.strategy",  # a restart always brings a new pod first, then takes an old one away
        *(f"spec.template.spec.{field}" for field in _POD),
    ),
    "ServiceAccount": ("automountServiceAccountToken",),
}


def strip(kind: str, manifest: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the manifest without its ignored fields, and their paths."""
    found: list[str] = []

    def walk(value: Any, path: str) -> Any:
        if isinstance(value, list):
            return [walk(item, f"{path}[]") for item in value]
        if not isinstance(value, dict):
            return value
        kept: dict[str, Any] = {}
        for key, below in value.items():
            field = f"{path}.{key}" if path else key
            if field in IGNORED.get(kind, ()):
                found.append(field)
                continue
            inner = walk(below, field)
            # What holds ignored fields only goes with them; but an emptyDir means something by being there.
            if inner or not below or key == "emptyDir":
                kept[key] = inner
        return kept

    stripped: dict[str, Any] = walk(manifest, "")
    return stripped, found


def honoured(kind: str) -> list[str]:
    """Return the path of every honoured field of this kind."""
    return sorted(set(_paths(HONOURED[kind], "")))


def _paths(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for field in model.model_fields.values():
        path = f"{prefix}{field.alias}"
        nested = _models(field.annotation)
        many = "[]" if "tuple" in str(field.annotation) else ""
        if not nested or nested.model_fields == {}:
            yield path + many
        else:
            yield from _paths(nested, f"{path}{many}.")


def _models(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for argument in get_args(annotation) if (found := _models(argument))), None)


def markdown() -> str:
    """Return the lists for the documentation. Fields that Deployment and CronJob share are listed once, as Pod."""
    pod = sorted({path for path in _paths(PodTemplate, "") if ".initContainers" not in path})
    lines = [
        "### Honoured",
        "",
        _line("Pod", pod),
        "",
        "`spec.initContainers[]` as `containers[]`, without probes.",
        "",
    ]
    for kind in HONOURED:
        lines += [_line(kind, [path for path in honoured(kind) if ".template." not in path]), ""]
    lines += ["### Without meaning for a process on a laptop", "", _line("Whole kinds", list(IGNORED_KINDS)), ""]
    lines += [_line("Pod", [f"spec.{path}" for path in _POD]), ""]
    for kind, ignored in IGNORED.items():
        lines += [_line(kind, [path for path in ignored if ".template." not in path]), ""]
    lines += ["### Everything else", "", "Any other field or kind is an error that names its path.", ""]
    return "\n".join(lines)


def _line(title: str, paths: list[str]) -> str:
    text = f"**{title}**: " + ", ".join(f"`{path}`" for path in paths) + "."
    return textwrap.fill(text, 158, break_long_words=False, break_on_hyphens=False)
