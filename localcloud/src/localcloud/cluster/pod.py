"""A pod: the webhook admits it, then it gets a folder, its volumes, and its containers as processes."""

import asyncio
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from localcloud.cluster.container import ContainerProcess
from localcloud.cluster.environment import (
    ConfigMaps,
    PodIdentity,
    Relocation,
    container_environment,
    image_environment,
)
from localcloud.cluster.errors import ContainerConfigError
from localcloud.cluster.projected_token import IssueToken
from localcloud.cluster.reaper import Reaper
from localcloud.cluster.resources import Container, PodTemplate, ServiceAccount
from localcloud.cluster.traffic import Traffic
from localcloud.cluster.volumes import Volumes
from localcloud.cluster.webhook import NotAdmitted, WebhookSettings, mutate


class PodNotAdmitted(Exception):
    """The pod was not admitted. The message is the webhook's."""


@dataclass(frozen=True)
class Node:
    """What a pod needs of the machine and the cluster it runs on."""

    state: Path
    environment: Mapping[str, str]
    service_accounts: Mapping[tuple[str, str], ServiceAccount]
    config_maps: ConfigMaps
    webhook: WebhookSettings
    issue_token: IssueToken
    reaper: Reaper
    client: httpx.AsyncClient
    clock: Callable[[], float]

    def log_of(self, pod: str) -> Path:
        return self.state / "logs" / f"{pod}.log"


class Pod:
    """Raises `PodNotAdmitted` if it is not admitted. `workload` is the Deployment or CronJob that it belongs to."""

    def __init__(self, workload: str, namespace: str, template: PodTemplate, node: Node) -> None:
        admitted = PodTemplate.model_validate(_admit(workload, namespace, template, node))
        account = admitted.spec.service_account_name
        self.workload = workload
        self.labels = admitted.metadata.labels
        self.spec = admitted.spec
        self.identity = PodIdentity.new(workload, namespace, account)
        self.traffic = Traffic()
        self.log = node.log_of(self.name)
        self.reason = "starting"
        self._folder = node.state / "pods" / self.name
        self._node = node
        self._initializing: ContainerProcess | None = None
        self._containers: list[ContainerProcess] = []
        self._running: asyncio.Task[int] | None = None
        self._leaving = False

    @property
    def name(self) -> str:
        return self.identity.name

    @property
    def ready(self) -> bool:
        return (
            not self._leaving
            and len(self._containers) == len(self.spec.containers)
            and all(container.ready for container in self._containers)
        )

    @property
    def restarts(self) -> int:
        return sum(container.restarts for container in self._present())

    @property
    def status(self) -> str:
        """Why it is not ready; empty if it is."""
        if self.ready:
            return ""
        return next((container.reason for container in self._present() if container.reason), self.reason)

    def projected_tokens(self) -> list[str]:
        """The tokens in its volumes, as its containers read them."""
        sources = [source for volume in self.spec.volumes if volume.projected for source in volume.projected.sources]
        names = {source.service_account_token.path for source in sources if source.service_account_token}
        return [path.read_text() for name in sorted(names) for path in self._folder.glob(f"volumes/*/{name}")]

    def local_port(self, port: int | str) -> int | None:
        """Return the port of this machine for a containerPort, which is given by number or name."""
        found = (container.local_port(port) for container in self._containers)
        return next((local for local in found if local is not None), None)

    @property
    def local_ports(self) -> dict[int, int]:
        """The ports of this machine, by containerPort."""
        return {port: local for container in self._containers for port, local in container.ports.items()}

    def start(self) -> None:
        self._running = asyncio.create_task(self._run(), name=self.name)

    async def ended(self) -> int:
        """Wait until every container has ended for good; return the first exit code that is not 0, else 0."""
        assert self._running is not None  # noqa: S101 - started before it is waited for
        return await self._running

    @property
    def leaving(self) -> bool:
        """Whether it has been told to end."""
        return self._leaving

    def leave(self) -> None:
        """Make it not ready for good, even if its probes succeed, so that no Service sends it a new request."""
        self._leaving = True

    def kill(self) -> None:
        """Kill its containers by SIGKILL, as the system does for want of memory. Its volumes stay."""
        for container in self._present():
            container.kill()

    async def stop(self) -> None:
        """End it as the kubelet does: SIGTERM, the grace period, SIGKILL. Then remove its folder with the tokens."""
        self.leave()
        for container in self._present():
            container.stop(self.spec.termination_grace_period_seconds)
        if self._running is not None:
            await asyncio.wait([self._running])
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _run(self) -> int:
        if self._leaving:  # stopped before it had begun
            return 0
        try:
            self._folder.mkdir(parents=True, mode=0o700)
            volumes = Volumes(
                self.spec.volumes,
                self._folder / "volumes",
                self.identity,
                self._node.config_maps,
                self._node.issue_token,
                self._node.clock,
            )
        except (ContainerConfigError, OSError) as error:
            self.reason = f"FailedMount: {error}"
            return 128
        freshness = asyncio.create_task(volumes.keep_fresh(), name=f"{self.name} tokens")
        try:
            return await self._run_containers(volumes)
        finally:
            freshness.cancel()

    async def _run_containers(self, volumes: Volumes) -> int:
        policy, grace = self.spec.restart_policy, self.spec.termination_grace_period_seconds
        for spec in self.spec.init_containers:
            init = self._container(spec, volumes)
            self._initializing = init
            code = await init.run("Never" if policy == "Never" else "OnFailure", grace)
            if code != 0 or self._leaving:
                return code
        self._initializing = None
        self._containers = [self._container(spec, volumes) for spec in self.spec.containers]
        codes = await asyncio.gather(*(container.run(policy, grace) for container in self._containers))
        return next((code for code in codes if code), 0)

    def _present(self) -> list[ContainerProcess]:
        return [self._initializing] if self._initializing else self._containers

    def _container(self, spec: Container, volumes: Volumes) -> ContainerProcess:
        def environment(ports: dict[int, int]) -> dict[str, str]:
            before = image_environment(self._folder) | dict(self._node.environment)
            moved = Relocation(ports, volumes.mounts(spec))
            return container_environment(spec, self.identity, self._node.config_maps, before, moved)

        return ContainerProcess(spec, environment, self._folder, self.log, self._node.reaper, self._node.client)


def _admit(workload: str, namespace: str, template: PodTemplate, node: Node) -> dict[str, Any]:
    dump = partial(PodTemplate.model_dump, mode="json", by_alias=True, exclude_unset=True)
    pod = dump(template)
    # A controller's pods have no name yet when they are admitted, only the prefix it will be made of.
    pod["metadata"] = pod.get("metadata", {}) | {"generateName": f"{workload}-", "namespace": namespace}
    admitted = mutate(pod, _service_account(workload, namespace, template, node), node.webhook)
    if isinstance(admitted, NotAdmitted):
        raise PodNotAdmitted(admitted.reason)
    return admitted


def _service_account(workload: str, namespace: str, template: PodTemplate, node: Node) -> dict[str, Any]:
    """The pod's service account. Every namespace has one of the name `default`.

    Raises `PodNotAdmitted` if there is none, in the words of the API server, which looks before it calls the webhook.
    """
    name = template.spec.service_account_name
    account = node.service_accounts.get((namespace, name))
    if account is not None:
        return account.model_dump(mode="json", by_alias=True)
    if name == "default":
        return {"metadata": {"name": name, "namespace": namespace}}
    raise PodNotAdmitted(
        f'pods "{workload}-" is forbidden: '
        f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
    )
