"""KEDA's operator: asks each ScaledObject's triggers for their length and sets the number of its Deployment's pods.

It asks as its own service account, `kube-system:keda-operator`. Its log is `logs/keda-operator.log` below the state
folder.
"""

import asyncio
import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from localcloud.cluster.deployment import DeploymentController
from localcloud.cluster.environment import PodIdentity
from localcloud.cluster.keda.autoscaler import Autoscaler
from localcloud.cluster.keda.log import OperatorLog
from localcloud.cluster.keda.manifests import ScaledObject, TriggerAuthentication
from localcloud.cluster.keda.scaler import OperatorIdentity, ServiceBusScaler
from localcloud.cluster.pod import Node
from localcloud.cluster.projected_token import ProjectedToken, keep_fresh
from localcloud.cluster.resources import ServiceAccountToken
from localcloud.cluster.waiting import holds_within
from localcloud.cluster.webhook import AUDIENCE

OPERATOR = "keda-operator"
NAMESPACE = "kube-system"  # where AKS's add-on runs it


@dataclass(frozen=True, slots=True)
class Presented:
    """What the operator presents to Entra for its triggers: its pod's token, and a client id."""

    pod: str
    account: str
    client_id: str
    token: str


@dataclass(frozen=True, slots=True)
class _Scaled:
    """A ScaledObject, and the client id with which each of its triggers is asked."""

    item: ScaledObject
    client_ids: tuple[str, ...]


class KedaOperator:
    """`deployments` are the cluster's own, by name. `report` prints a line at the terminal."""

    def __init__(
        self, node: Node, deployments: Mapping[str, DeploymentController], report: Callable[[str], None]
    ) -> None:
        self._node = node
        self._deployments = deployments
        self._report = report
        self._log = OperatorLog(node.log_of(OPERATOR))
        self._identity: OperatorIdentity | None = None
        self._freshness: asyncio.Task[None] | None = None
        self._loops: dict[str, tuple[_Scaled, asyncio.Task[None]]] = {}
        self._failing: set[str] = set()  # the ScaledObjects whose triggers gave no length when they were last asked

    def take(
        self,
        scaled_objects: Mapping[str, ScaledObject],
        authentications: Mapping[tuple[str, str], TriggerAuthentication],
    ) -> None:
        """Scale as these manifests say from now on. One that has not changed goes on as it was.

        Raises `ClusterError` if Azure's SDK is not installed.
        """
        wanted = {name: _scaled(item, authentications) for name, item in scaled_objects.items()}
        for name, (scaled, loop) in list(self._loops.items()):
            if wanted.get(name) != scaled:
                loop.cancel()
                del self._loops[name]
        for name in wanted.keys() - self._loops.keys():
            triggers = zip(wanted[name].item.spec.triggers, wanted[name].client_ids, strict=True)
            scalers = [ServiceBusScaler(trigger.metadata, id_, self._operator()) for trigger, id_ in triggers]
            loop = asyncio.create_task(self._scale(wanted[name].item, scalers), name=f"ScaledObject {name}")
            self._loops[name] = wanted[name], loop

    def presented(self) -> list[Presented]:
        """One for each client id that a trigger is asked with; none without a ScaledObject."""
        if self._identity is None:
            return []
        file = self._identity.token_file
        account, token = f"{NAMESPACE}/{OPERATOR}", file.read_text()
        ids = dict.fromkeys(id_ for scaled, _loop in self._loops.values() for id_ in scaled.client_ids)
        return [Presented(file.parent.name, account, id_, token) for id_ in ids]

    async def stop(self) -> None:
        """Stop asking, and remove the operator's token. The Deployments keep the number of pods that they have."""
        tasks = [loop for _, loop in self._loops.values()] + ([self._freshness] if self._freshness else [])
        self._loops.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._identity is not None:
            shutil.rmtree(self._identity.token_file.parent, ignore_errors=True)

    def _operator(self) -> OperatorIdentity:
        """The operator's identity; its token is projected when it is first needed."""
        if self._identity is None:
            pod = PodIdentity.new(OPERATOR, NAMESPACE, OPERATOR)
            path = self._node.state / "pods" / pod.name / "azure-identity-token"
            source = ServiceAccountToken(path=path.name, audience=AUDIENCE)
            token = ProjectedToken(path, source, pod, self._node.issue_token, self._node.clock)
            self._freshness = asyncio.create_task(keep_fresh([token]), name=f"{pod.name} tokens")
            webhook = self._node.webhook
            self._identity = OperatorIdentity(path, webhook.tenant_id, webhook.authority_host, self._node.environment)
        return self._identity

    async def _scale(self, item: ScaledObject, scalers: list[ServiceBusScaler]) -> None:
        """Decide at every `pollingInterval`, the first time at once, until cancelled."""
        clock = self._node.clock
        autoscaler = Autoscaler(item.spec, clock())
        try:
            while True:
                due = clock() + item.spec.polling_interval
                self._apply(item, autoscaler, await self._lengths(item, scalers))
                await holds_within(math.inf, partial(_is_due, clock, due))
        finally:
            for scaler in scalers:
                scaler.close()

    async def _lengths(self, item: ScaledObject, scalers: list[ServiceBusScaler]) -> list[int | None]:
        """The triggers' lengths, `None` for one that can't be read: the log says why."""
        lengths = [await self._length(item, scaler) for scaler in scalers]
        if None in lengths:
            self._tell_failure(item)
        else:
            self._failing.discard(item.metadata.name)
        return lengths

    async def _length(self, item: ScaledObject, scaler: ServiceBusScaler) -> int | None:
        from azure.core.exceptions import AzureError

        try:
            return await asyncio.to_thread(scaler.length)
        except (AzureError, OSError) as error:  # an OSError if the token can't be read
            self._log.failed(item, error)
            return None

    def _tell_failure(self, item: ScaledObject) -> None:
        """Print where the reason stands, the first time."""
        if item.metadata.name not in self._failing:
            self._failing.add(item.metadata.name)
            told = f"KEDA: the messages for {item.spec.scale_target_ref.name} can't be counted"
            self._report(f"{told}, so none of its pods is taken away: see {self._log.path}")

    def _apply(self, item: ScaledObject, autoscaler: Autoscaler, lengths: list[int | None]) -> None:
        target = item.spec.scale_target_ref.name
        deployment = self._deployments.get(target)
        if deployment is None:
            return  # it has just been taken out of the manifests
        before = deployment.replicas
        decision = autoscaler.decide(lengths, before, self._node.clock())
        if decision.replicas != before:
            deployment.replicas = decision.replicas
            self._log.scaled(item, before, decision)
            waiting = f"with {sum(filter(None, lengths))} messages waiting"
            self._report(f"KEDA: {target} goes from {before} to {decision.replicas}, {waiting}")


def _scaled(item: ScaledObject, authentications: Mapping[tuple[str, str], TriggerAuthentication]) -> _Scaled:
    granted = [authentications[item.metadata.namespace, each.authentication_ref.name] for each in item.spec.triggers]
    return _Scaled(item, tuple(each.spec.pod_identity.identity_id for each in granted))


def _is_due(clock: Callable[[], float], due: float) -> bool:
    """Look at the clock, which may be a test's."""
    return clock() >= due
