"""What each page shows, read from the running local cloud when the page is asked for."""

import asyncio
from dataclasses import dataclass
from typing import Any

from localcloud.authorization import audit
from localcloud.cloud import Cloud
from localcloud.cluster.cluster import Cluster, PodStatus
from localcloud.dashboard.activity import Activity
from localcloud.dashboard.queues import QueueCounts, counts_of, dead_letters_of
from localcloud.dashboard.refusals import Refusal, refusals
from localcloud.doctor.chain import examine
from localcloud.doctor.laptop import Laptop
from localcloud.doctor.link import ChainLink
from localcloud.operator.advice import Advice
from localcloud.operator.journey import journey

_BRIEF = 8  # rows of a list on the overview

Context = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PodView:
    """A pod, and what to do if it is not ready and the advice knows that."""

    status: PodStatus
    fix: str | None


@dataclass(frozen=True, slots=True)
class WorkloadView:
    """A Deployment or CronJob: its pods, and the links of its way to Azure."""

    name: str
    pods: list[PodView]
    links: list[ChainLink]


class Pages:
    """`cluster` and `laptop` are `None` if the local cloud runs without a cluster."""

    def __init__(
        self, cloud: Cloud, cluster: Cluster | None, laptop: Laptop | None, advice: Advice, activity: Activity
    ) -> None:
        self._cloud = cloud
        self._cluster = cluster
        self._laptop = laptop
        self._advice = advice
        self._activity = activity
        self._started = cloud.clock()

    def state(self) -> object:
        """What all pages are made of, to be compared with what it was before."""
        return self._activity.changes, self._statuses(), self._counts(), self._disturbances()

    def overview(self) -> Context:
        counts = self._counts()
        accesses = list(self._activity.accesses())
        return {
            "pods": self._pods(),
            "has_cluster": self._cluster is not None,
            "services": self._cluster.service_urls() if self._cluster else {},
            "totals": self._activity.totals,
            "refusals": self._refusals(),
            "queues": counts,
            "dead": sum(each.dead for each in counts),
            "waiting": sum(each.active for each in counts),
            "accesses": accesses[:_BRIEF],
            "more_accesses": len(accesses) > _BRIEF,
        }

    def pods(self) -> Context:
        pods = self._pods()
        chains = self._chains()
        names = sorted({*chains, *(pod.status.workload for pod in pods)})
        workloads = [
            WorkloadView(name, [pod for pod in pods if pod.status.workload == name], chains.get(name, []))
            for name in names
        ]
        return {"workloads": workloads, "has_cluster": self._cluster is not None}

    def tokens(self) -> Context:
        return {"tokens": list(self._activity.tokens()), "refused": list(self._activity.refused_exchanges())}

    async def token(self, uti: str) -> Context:
        """What the trail has of a token, read in a thread: it may be large."""
        path = self._cloud.settings.state / "audit.jsonl"
        return {"uti": uti, "journey": await asyncio.to_thread(lambda: journey(audit.entries(path), uti))}

    def accesses(self, only: str) -> Context:
        """`only` is `allowed`, `denied` or empty."""
        groups = list(self._activity.accesses())
        if only:
            groups = [group for group in groups if group.entry.allowed == (only == "allowed")]
        return {"accesses": groups, "only": only, "totals": self._activity.totals}

    def queues(self) -> Context:
        counts = self._counts()
        letters = {each.name: dead_letters_of(self._cloud.queues, each.name) for each in counts if each.dead}
        return {"queues": counts, "letters": letters}

    def common(self) -> Context:
        """What stands on every page."""
        return {
            "name": self._cloud.settings.name,
            "now": self._cloud.clock(),
            "started": self._started,
            "disturbances": self._disturbances(),
            "holding": sum(not refusal.is_over for refusal in self._refusals()),
            "unready": sum(not pod.ready for pod in self._statuses()),
            "dead_letters": sum(each.dead for each in self._counts()),
        }

    def _refusals(self) -> list[Refusal]:
        return refusals(self._activity, {pod.name for pod in self._statuses()} if self._cluster else None)

    def _statuses(self) -> list[PodStatus]:
        return self._cluster.pods() if self._cluster else []

    def _pods(self) -> list[PodView]:
        return [
            PodView(status, None if status.ready else self._advice.on_pod(status.reason, status.workload))
            for status in self._statuses()
        ]

    def _counts(self) -> list[QueueCounts]:
        return counts_of(self._cloud.queues)

    def _disturbances(self) -> list[str]:
        """What `localcloud fault`, `clock` and `propagation` have set, in words."""
        said = [f"{service} is {fault.kind}" for service, fault in self._cloud.faults.present().items()]
        if self._cloud.clock.ahead:
            said.append(f"Azure's clock is {self._cloud.clock.ahead:g} seconds ahead")
        if self._cloud.roles.seconds:
            said.append(f"a role that is given or taken counts {self._cloud.roles.seconds:g} seconds later")
        return said

    def _chains(self) -> dict[str, list[ChainLink]]:
        if self._laptop is None:
            return {}
        try:
            return {facts.workload: examine(facts, self._laptop.remedies) for facts in self._laptop.facts()}
        except OSError:  # a pod's token file went with its pod while it was read
            return {}
