"""A Deployment: as many pods as it has replicas, all of its newest revision.

What it should be may change at any time: it is scaled or restarted, or its manifest is edited. One loop brings that
about step by step, as in Kubernetes: a new pod starts first, and an old one that is ready goes when a new one is ready
too (https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment). A new pod that
does not become ready stays, so that it can be looked at, and the old one stays beside it.
"""

import asyncio
from collections.abc import Callable, Hashable
from functools import partial

from localcloud.cluster.errors import RolloutError
from localcloud.cluster.pod import Node, Pod, PodNotAdmitted
from localcloud.cluster.resources import Deployment
from localcloud.cluster.waiting import holds_within

_DRAIN = 10.0  # seconds that requests under way may take before their pod is told to stop
_LOOK = 0.05  # seconds


class DeploymentController:
    """`revision` stands for all that its pods are made of. `refusal` is why none is admitted, empty if they are."""

    def __init__(self, manifest: Deployment, node: Node, revision: Hashable = None) -> None:
        self.name = manifest.metadata.name
        self.replicas = manifest.spec.replicas
        self.pods: list[Pod] = []
        self.refusal = ""
        self._manifest = manifest
        self._node = node
        self._newest = revision
        self._revisions: dict[Pod, Hashable] = {}
        self._restarting = asyncio.Lock()
        self._stopping = False
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the pods now, and keep their number and revision from now on."""
        self._start_pods(self.replicas)
        self._loop = asyncio.create_task(self._keep(), name=f"Deployment {self.name}")

    @property
    def ready(self) -> bool:
        """Whether as many pods as there should be are ready, and all are of the newest revision."""
        return sum(pod.ready for pod in self._newest_pods()) >= self.replicas and not self._outdated()

    def take(self, manifest: Deployment, node: Node, revision: Hashable) -> None:
        """Go over to an edited manifest. Pods that are already of this revision stay."""
        if manifest.spec.replicas != self._manifest.spec.replicas:
            self.replicas = manifest.spec.replicas
        self._manifest, self._node, self._newest = manifest, node, revision
        self.refusal = ""

    async def restart(self) -> None:
        """Replace every pod, one at a time. Raise `RolloutError` if a new one does not become ready in time."""
        async with self._restarting:
            before, new = self._newest, object()
            self._newest, self.refusal = new, ""
            while self._newest is new and not self.ready:
                in_time = await holds_within(
                    self._manifest.spec.progress_deadline_seconds, partial(self._moved_on, new, self._left())
                )
                if self._stopping:
                    raise RolloutError(f"{self.name}: the cluster stops")
                if not in_time or self.refusal:
                    raise RolloutError(await self._give_up(before))
            await self._comes_true(lambda: not any(pod.leaving for pod in self.pods))

    async def scale(self, replicas: int) -> None:
        """Change the number of pods, and return when as many have been started or have gone.

        A new pod is not waited for. Raises `RolloutError` if the pods are not admitted.
        """
        self.replicas, self.refusal = replicas, ""
        await self._comes_true(lambda: bool(self.refusal) or len(self._staying()) >= replicas)
        await self._comes_true(lambda: bool(self.refusal) or len(self.pods) <= replicas + bool(self._outdated()))
        if self.refusal:
            raise RolloutError(f"{self.name}: {self.refusal}")

    async def stop(self) -> None:
        """Ends a restart under way as well: it then raises `RolloutError`."""
        self._stopping = True
        await asyncio.gather(*(pod.stop() for pod in self.pods))
        if self._loop is not None:
            await self._loop
        async with self._restarting:
            pass

    async def _keep(self) -> None:
        while not self._stopping:
            await self._step()
            await asyncio.sleep(_LOOK)

    async def _step(self) -> None:
        newest, outdated = self._newest_pods(), self._outdated()
        missing = self.replicas - len(newest)
        ready = sum(pod.ready for pod in newest)
        if missing < 0:
            await self._retire(*newest[missing:])
        elif missing and not outdated:
            self._start_pods(missing)
        elif broken := [pod for pod in outdated if newest and not pod.ready]:
            await self._retire(*broken)  # they serve no request
        elif missing and ready == len(newest) and len(newest) + len(outdated) <= self.replicas:
            self._start_pods(1)
        elif outdated and ready + len(outdated) > self.replicas:
            await self._retire(outdated[0])

    def _start_pods(self, number: int) -> None:
        if self.refusal or self._stopping:
            return
        try:
            for _ in range(number):
                template, namespace = self._manifest.spec.template, self._manifest.metadata.namespace
                pod = Pod(self.name, namespace, template, self._node)
                self._revisions[pod] = self._newest
                self.pods.append(pod)
                pod.start()
        except PodNotAdmitted as refused:
            self.refusal = f"FailedCreate: {refused}"

    async def _retire(self, *pods: Pod) -> None:
        for pod in pods:
            pod.leave()
        await asyncio.gather(*(self._end(pod) for pod in pods))

    async def _end(self, pod: Pod) -> None:
        await pod.traffic.drained(_DRAIN)
        await pod.stop()
        self.pods.remove(pod)
        del self._revisions[pod]

    async def _give_up(self, before: Hashable) -> str:
        """Why the restart failed. A new pod that is not ready goes, if an old one is there; all others stay."""
        new = next((pod for pod in self._newest_pods() if not pod.ready), None)
        old = next(iter(self._outdated()), None)
        self._newest, said = before, f"{self.name}: {self.refusal}"
        self._revisions = dict.fromkeys(self.pods, before)
        if new is not None:
            said = f"{new.name} did not become ready{f', so {old.name} stays' if old else ''}: {new.status}"
            if old is not None:
                await self._retire(new)
        self.refusal = ""
        return said

    def _staying(self) -> list[Pod]:
        return [pod for pod in self.pods if not pod.leaving]

    def _newest_pods(self) -> list[Pod]:
        return [pod for pod in self._staying() if self._revisions[pod] == self._newest]

    def _outdated(self) -> list[Pod]:
        return [pod for pod in self._staying() if self._revisions[pod] != self._newest]

    def _left(self) -> int:
        """How many steps a rollout has before it: old pods that must go, and new ones that must become ready."""
        return len(self._outdated()) + self.replicas - sum(pod.ready for pod in self._newest_pods())

    def _moved_on(self, revision: object, left: int) -> bool:
        """Whether a restart to this revision has come a step further, or can't go on."""
        overtaken = self._newest is not revision
        return self._stopping or overtaken or bool(self.refusal) or self._left() < left

    async def _comes_true(self, condition: Callable[[], bool]) -> None:
        await holds_within(float("inf"), lambda: self._stopping or condition())
