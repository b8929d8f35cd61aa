"""A Deployment: one pod for each replica, scaling, and a rolling restart."""

import asyncio
from collections.abc import Callable

from localcloud.cluster.errors import RolloutError
from localcloud.cluster.pod import Node, Pod, PodNotAdmitted
from localcloud.cluster.resources import Deployment
from localcloud.cluster.waiting import holds_within

_DRAIN = 10.0  # seconds that requests under way may take before their pod is told to stop


class DeploymentController:
    """`refusal` says why its pods are not admitted; it is empty if they are."""

    def __init__(self, manifest: Deployment, node: Node) -> None:
        self.name = manifest.metadata.name
        self.replicas = manifest.spec.replicas
        self.pods: list[Pod] = []
        self.refusal = ""
        self._manifest = manifest
        self._node = node
        self._changing = asyncio.Lock()
        self._stopping = False

    def start(self) -> None:
        try:
            self.pods = [self._new_pod() for _ in range(self.replicas)]
        except PodNotAdmitted as refused:
            self.refusal = f"FailedCreate: {refused}"

    @property
    def ready(self) -> bool:
        return sum(pod.ready for pod in self.pods) >= self.replicas

    async def restart(self) -> None:
        """Replace every pod, one at a time. Raises `RolloutError` if a new one does not become ready in time."""
        async with self._changing:
            for old in list(self.pods):
                if self._stopping:
                    raise RolloutError(f"{self.name}: the cluster stops")
                try:
                    new = self._new_pod()
                except PodNotAdmitted as refused:
                    raise RolloutError(f"{self.name}: {refused}") from refused
                self.pods.append(new)
                await holds_within(self._manifest.spec.progress_deadline_seconds, self._settled(new))
                if not new.ready:
                    self.pods.remove(new)
                    reason = new.status
                    await new.stop()
                    raise RolloutError(f"{new.name} did not become ready, so {old.name} stays: {reason}")
                await self._retire(old)

    async def scale(self, replicas: int) -> None:
        """Start pods, or retire the youngest, until there are as many as `replicas`.

        A new pod is not waited for. Raises `RolloutError` if the pods are not admitted.
        """
        async with self._changing:
            self.replicas = replicas
            try:
                while len(self.pods) < replicas and not self._stopping:
                    self.pods.append(self._new_pod())
            except PodNotAdmitted as refused:
                raise RolloutError(f"{self.name}: {refused}") from refused
            await asyncio.gather(*(self._retire(pod) for pod in self.pods[replicas:]))

    async def stop(self) -> None:
        """Stop every pod. A restart that is under way raises `RolloutError`."""
        self._stopping = True
        await asyncio.gather(*(pod.stop() for pod in self.pods))
        async with self._changing:
            pass

    def _settled(self, new: Pod) -> Callable[[], bool]:
        return lambda: new.ready or self._stopping

    async def _retire(self, pod: Pod) -> None:
        pod.leave()
        await pod.traffic.drained(_DRAIN)
        await pod.stop()
        self.pods.remove(pod)

    def _new_pod(self) -> Pod:
        template = self._manifest.spec.template
        pod = Pod(self.name, self._manifest.metadata.namespace, template, self._node)
        pod.start()
        return pod
