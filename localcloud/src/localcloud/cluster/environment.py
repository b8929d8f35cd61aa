"""A container's environment: from the manifest, the webhook and the node, and nothing of the developer's shell.

A shell's SSL_CERT_FILE, HTTPS_PROXY or AZURE_… would change what an SDK does, on one laptop and not on the next.
"""

import os
import re
import secrets
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localcloud.cluster.errors import ContainerConfigError
from localcloud.cluster.resources import ConfigMap, Container, EnvVar

ConfigMaps = Mapping[tuple[str, str], ConfigMap]  # by namespace and name

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # of which Kubernetes makes names
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.-][A-Za-z0-9_.-]*)\)")


@dataclass(frozen=True, slots=True)
class PodIdentity:
    """A pod's names and uids, for its own environment and for the claims of its projected tokens."""

    name: str
    namespace: str
    uid: str
    service_account: str
    service_account_uid: str

    @classmethod
    def new(cls, workload: str, namespace: str, service_account: str) -> "PodIdentity":
        """A pod's name and uid are its own; its service account's uid is the same for every pod."""
        return cls(
            name=workload + "-" + "".join(secrets.choice(_LETTERS) for _ in range(10)),
            namespace=namespace,
            uid=str(uuid.uuid4()),
            service_account=service_account,
            service_account_uid=str(uuid.uuid5(uuid.NAMESPACE_URL, f"serviceaccount:{namespace}/{service_account}")),
        )


@dataclass(frozen=True, slots=True)
class Relocation:
    """The free port of this machine for each containerPort, and the folder for each mount path."""

    ports: Mapping[int, int]
    mounts: Mapping[str, Path]

    def apply(self, name: str, value: str) -> str:
        """Return a variable's value with its path moved and, if its name ends in `_PORT`, its port too."""
        if name.endswith("_PORT") and value.isdecimal() and int(value) in self.ports:
            return str(self.ports[int(value)])
        for mount_path in sorted(self.mounts, key=len, reverse=True):
            if value == mount_path or value.startswith(f"{mount_path}/"):
                return f"{self.mounts[mount_path]}{value.removeprefix(mount_path)}"
        return value


def image_environment(folder: Path) -> dict[str, str]:
    """Return the variables that an image would bring: the programs' path and a home. `folder` is the pod's own."""
    programs = Path(sys.executable).parent
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    return {
        "PATH": os.pathsep.join((str(programs), "/usr/local/bin", "/usr/bin", "/bin")),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "TMPDIR": str(temporary),
    }


def container_environment(
    container: Container, pod: PodIdentity, config_maps: ConfigMaps, before: Mapping[str, str], moved: Relocation
) -> dict[str, str]:
    """Return the whole environment. Raises `ContainerConfigError` if a ConfigMap or a key is missing.

    `before` comes first, like the variables that AKS adds on its nodes for an HTTP proxy: the manifest may refer to
    them as `$(NAME)`, and override them.
    """
    environment = dict(before)
    for source in container.env_from:
        found = config_maps.get((pod.namespace, source.config_map_ref.name))
        if found is None and not source.config_map_ref.optional:
            raise ContainerConfigError(f'configmap "{source.config_map_ref.name}" not found')
        environment |= {f"{source.prefix}{key}": value for key, value in (found.data if found else {}).items()}
    for variable in container.env:
        value = _value(variable, pod, config_maps, environment)
        if value is not None:
            environment[variable.name] = moved.apply(variable.name, value)
    return environment


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`$(NAME)` as Kubernetes expands it: an unknown name is left as it stands, and `$$` is a plain dollar.

    https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
    """

    def replace(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else variables.get(found[1], found[0])

    return _REFERENCE.sub(replace, text)


def _value(variable: EnvVar, pod: PodIdentity, config_maps: ConfigMaps, earlier: Mapping[str, str]) -> str | None:
    source = variable.value_from
    if source is None:
        return expand(variable.value, earlier)
    if source.field_ref is not None:
        return str(getattr(pod, source.field_ref.field_path.removeprefix("metadata.")))
    reference = source.config_map_key_ref
    if reference is None:
        raise ContainerConfigError(f"variable {variable.name} has an empty valueFrom")
    found = config_maps.get((pod.namespace, reference.name))
    if found is not None and reference.key in found.data:
        return found.data[reference.key]
    if reference.optional:
        return None
    raise ContainerConfigError(f'couldn\'t find key "{reference.key}" in configmap "{reference.name}"')
