"""A pod's volumes, as folders below the pod's own: empty ones, and projected tokens that are kept fresh.

The kubelet renews a projected token when 80% of its life has passed
(https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken).
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from localcloud.cluster.environment import ConfigMaps, PodIdentity
from localcloud.cluster.errors import ContainerConfigError
from localcloud.cluster.resources import Container, ProjectedConfigMap, ServiceAccountToken, Volume

_RENEWAL = 0.8  # of a token's life
_LOOK = 1.0  # seconds between looks at the clock, which may be a test's


class IssueToken(Protocol):
    """The cluster's issuer: makes a projected token for a pod."""

    def __call__(
        self,
        *,
        namespace: str,
        service_account: str,
        service_account_uid: str,
        pod_name: str,
        pod_uid: str,
        audience: str,
        lifetime_seconds: int,
    ) -> str: ...


@dataclass(slots=True)
class _Token:
    path: Path
    source: ServiceAccountToken
    renew_at: float = 0.0


class Volumes:
    """Raises `ContainerConfigError` where a ConfigMap is missing that is not optional."""

    def __init__(
        self,
        volumes: tuple[Volume, ...],
        folder: Path,
        pod: PodIdentity,
        config_maps: ConfigMaps,
        issue_token: IssueToken,
        clock: Callable[[], float],
    ) -> None:
        self._folder = folder
        self._pod = pod
        self._issue_token = issue_token
        self._clock = clock
        self._tokens: list[_Token] = []
        for volume in volumes:
            self._folder_of(volume.name).mkdir(parents=True, mode=0o700)
            for source in volume.projected.sources if volume.projected else ():
                if source.service_account_token:
                    path = self._folder_of(volume.name) / source.service_account_token.path
                    self._tokens.append(_Token(path, source.service_account_token))
                if source.config_map:
                    self._project(source.config_map, self._folder_of(volume.name), config_maps)
        self._write_due()

    def mounts(self, container: Container) -> dict[str, Path]:
        """Each mount path of the container, and the folder that stands for it."""
        return {mount.mount_path.rstrip("/"): self._folder_of(mount.name) for mount in container.volume_mounts}

    async def keep_fresh(self) -> None:
        """Writes a new token whenever one has come to 80% of its life; until cancelled."""
        while self._tokens:
            await asyncio.sleep(_LOOK)
            self._write_due()

    def _write_due(self) -> None:
        now = self._clock()
        for token in self._tokens:
            if now >= token.renew_at:
                _replace(token.path, self._issue(token.source))
                token.renew_at = now + _RENEWAL * token.source.expiration_seconds

    def _issue(self, source: ServiceAccountToken) -> str:
        return self._issue_token(
            namespace=self._pod.namespace,
            service_account=self._pod.service_account,
            service_account_uid=self._pod.service_account_uid,
            pod_name=self._pod.name,
            pod_uid=self._pod.uid,
            audience=source.audience,
            lifetime_seconds=source.expiration_seconds,
        )

    def _project(self, source: ProjectedConfigMap, folder: Path, config_maps: ConfigMaps) -> None:
        found = config_maps.get((self._pod.namespace, source.name))
        for item in source.items:
            if found is not None and item.key in found.data:
                _replace(folder / item.path, found.data[item.key])
            elif not source.optional:
                raise ContainerConfigError(f'references non-existent config key: {item.key} of "{source.name}"')

    def _folder_of(self, volume: str) -> Path:
        return self._folder / volume


def _replace(path: Path, content: str) -> None:
    """Writes the file for its owner alone; a reader sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.unlink(missing_ok=True)
    with open(os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    unfinished.replace(path)
