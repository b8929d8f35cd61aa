"""A pod's volumes as folders below the pod's own: empty ones, and projected tokens, which are renewed."""

from collections.abc import Callable
from pathlib import Path

from localcloud.cluster.environment import ConfigMaps, PodIdentity
from localcloud.cluster.errors import ContainerConfigError
from localcloud.cluster.projected_token import IssueToken, ProjectedToken, keep_fresh, replace
from localcloud.cluster.resources import Container, ProjectedConfigMap, Volume


class Volumes:
    """Raises `ContainerConfigError` if a ConfigMap is missing that is not optional."""

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
        self._tokens: list[ProjectedToken] = []
        for volume in volumes:
            self._folder_of(volume.name).mkdir(parents=True, mode=0o700)
            for source in volume.projected.sources if volume.projected else ():
                if source.service_account_token:
                    path = self._folder_of(volume.name) / source.service_account_token.path
                    self._tokens.append(ProjectedToken(path, source.service_account_token, pod, issue_token, clock))
                if source.config_map:
                    self._project(source.config_map, self._folder_of(volume.name), config_maps)

    def mounts(self, container: Container) -> dict[str, Path]:
        """Return the folder for each mount path of the container."""
        return {mount.mount_path.rstrip("/"): self._folder_of(mount.name) for mount in container.volume_mounts}

    async def keep_fresh(self) -> None:
        """Renew the projected tokens until cancelled."""
        await keep_fresh(self._tokens)

    def _project(self, source: ProjectedConfigMap, folder: Path, config_maps: ConfigMaps) -> None:
        found = config_maps.get((self._pod.namespace, source.name))
        for item in source.items:
            if found is not None and item.key in found.data:
                replace(folder / item.path, found.data[item.key])
            elif not source.optional:
                raise ContainerConfigError(f'references non-existent config key: {item.key} of "{source.name}"')

    def _folder_of(self, volume: str) -> Path:
        return self._folder / volume
