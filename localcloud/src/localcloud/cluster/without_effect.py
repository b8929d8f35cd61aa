"""Why fields and kinds of the manifests have no effect on a laptop, in words, for the file that lists them."""

from collections.abc import Iterable, Iterator

_WHY = {
    "A workload runs as a process with the command of its container, and no image is pulled.": (
        "image",
        "imagePullPolicy",
        "terminationMessagePath",
        "terminationMessagePolicy",
    ),
    "A process here is limited by this machine alone, and its user is you.": (
        "resources",
        "securityContext",
        "sizeLimit",
        "medium",
    ),
    "There is one node, and every pod is on it.": (
        "affinity",
        "nodeSelector",
        "priorityClassName",
        "tolerations",
        "topologySpreadConstraints",
        "PodDisruptionBudget",
    ),
    "Processes share this machine's network.": ("NetworkPolicy", "enableServiceLinks"),
    "There is no API server: objects are read from the files.": (
        "Namespace",
        "automountServiceAccountToken",
        "Role",
        "RoleBinding",
    ),
    "A Deployment always brings a new pod first, then drains an old one and takes it away.": (
        "strategy",
        "minReadySeconds",
        "revisionHistoryLimit",
        "sleep",
    ),
    "A Job is made when you ask for it, and its pods are gone when it is done.": (
        "schedule",
        "concurrencyPolicy",
        "successfulJobsHistoryLimit",
        "failedJobsHistoryLimit",
        "ttlSecondsAfterFinished",
    ),
}


def listed(names: Iterable[str]) -> str:
    """Return the text of the file: each reason, and below it the fields and kinds of these that it is about."""
    left = list(names)
    parts = ["These fields and kinds of the manifests count on a cluster, and have no effect on a laptop.\n"]
    for why, about in _WHY.items():
        if found := [name for name in left if name.rpartition(".")[2] in about]:
            parts.append(_part(why, found))
            left = [name for name in left if name not in found]
    if left:
        parts.append(_part("They mean nothing to a process.", left))
    return "\n".join(parts)


def explained() -> Iterator[str]:
    """Yield the name of each field and kind whose reason is known."""
    for about in _WHY.values():
        yield from about


def _part(why: str, names: Iterable[str]) -> str:
    return why + "\n" + "".join(f"  {name}\n" for name in names)
