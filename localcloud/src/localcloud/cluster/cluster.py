"""The laptop's cluster: it runs an overlay's workloads as processes, under the same rules as AKS."""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from localcloud.cluster.deployment import DeploymentController
from localcloud.cluster.errors import ClusterError
from localcloud.cluster.job import run_job
from localcloud.cluster.manifest import Manifests, read
from localcloud.cluster.pod import Node, Pod
from localcloud.cluster.projected_token import IssueToken
from localcloud.cluster.reaper import Reaper
from localcloud.cluster.render import render
from localcloud.cluster.service import ServiceProxy
from localcloud.cluster.waiting import holds_within
from localcloud.cluster.webhook import WebhookSettings


@dataclass(frozen=True, slots=True)
class PodStatus:
    """`reason` says why a pod is not ready, in the words of its readiness probe's answer if it has answered.

    `ports` gives the port of this machine for each containerPort, as a port-forward would.
    """

    name: str
    workload: str
    ready: bool
    restarts: int
    reason: str
    ports: Mapping[int, int]
    log: Path | None


class Cluster:
    """`service_ports` overrides the local port of a Service by its name; 0 lets the system choose.

    `report` prints a line at the terminal. Times are in seconds.
    """

    def __init__(
        self,
        *,
        overlay: Path,
        state: Path,
        issue_token: IssueToken,
        webhook: WebhookSettings,
        node_environment: Mapping[str, str],
        report: Callable[[str], None],
        service_ports: Mapping[str, int] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._overlay = overlay
        self._state = state.absolute()
        self._issue_token = issue_token
        self._webhook = webhook
        self._node_environment = node_environment
        self._report = report
        self._service_ports = service_ports or {}
        self._clock = clock
        self._manifests = Manifests()
        self._deployments: dict[str, DeploymentController] = {}
        self._services: dict[str, ServiceProxy] = {}
        self._jobs: list[Pod] = []
        self._node: Node | None = None

    async def start(self) -> None:
        """Render and check the overlay, bind the Services' ports and start every pod, but do not wait for readiness.

        Raises `ClusterError` if the overlay cannot be rendered or has what is not done here, or if a port is taken.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        self._manifests = read(await render(self._overlay))
        for name in self._service_ports.keys() - self._manifests.services.keys():
            raise ClusterError(f"there is no Service {name} that could be given a port")
        self._services = {
            name: ServiceProxy(manifest, self._service_ports.get(name), self._all_pods)
            for name, manifest in self._manifests.services.items()
        }
        for service in self._services.values():
            service.bind()
        self._node = node = self._make_node()
        self._deployments = {
            name: DeploymentController(item, node) for name, item in self._manifests.deployments.items()
        }
        if self._manifests.ignored:
            self._report("without meaning on a laptop: " + ", ".join(self._manifests.ignored))
        for deployment in self._deployments.values():
            deployment.start()
            if deployment.refusal:
                self._report(f"{deployment.name}: {deployment.refusal}")
        for service in self._services.values():
            await service.serve()

    async def wait_ready(self, within: float) -> None:
        """Return once every Deployment has its replicas ready. Raises `TimeoutError` with each pod's reason."""
        if not await holds_within(within, lambda: all(item.ready for item in self._deployments.values())):
            reasons = "; ".join(f"{pod.name}: {pod.reason}" for pod in self.pods() if not pod.ready)
            raise TimeoutError(f"not ready after {within:.0f} s: {reasons}")

    async def stop(self) -> None:
        """Close the Services, then end the pods within their grace periods, then the reaper."""
        await asyncio.gather(*(service.close() for service in self._services.values()))
        await asyncio.gather(
            *(deployment.stop() for deployment in self._deployments.values()), *(pod.stop() for pod in self._jobs)
        )
        if self._node is not None:
            await self._node.client.aclose()
            self._node.reaper.close()
        self._node = None

    async def restart(self, deployment: str) -> None:
        """Replace each pod. Raises `KeyError` for an unknown name, `RolloutError` if a new pod does not get ready."""
        await self._deployments[deployment].restart()

    async def scale(self, deployment: str, replicas: int) -> None:
        """Change the number of its pods. Raises `KeyError` for an unknown name, `RolloutError` if none is admitted."""
        await self._deployments[deployment].scale(replicas)

    async def run_job(self, cron_job: str, args: Sequence[str] | None = None) -> int:
        """Create a Job from a suspended CronJob, report its output line by line, and return its exit code.

        `args` replaces the container's arguments. Raises `KeyError` for an unknown name.
        """
        if self._node is None:
            raise RuntimeError("the cluster does not run")
        return await run_job(self._manifests.cron_jobs[cron_job], args, self._node, self._jobs, self._report)

    def pods(self) -> list[PodStatus]:
        """The pods of Deployments and of running Jobs, and one line for each Deployment whose pods are refused."""
        statuses = [
            PodStatus(pod.name, pod.workload, pod.ready, pod.restarts, pod.status, pod.local_ports, pod.log)
            for pod in [*self._all_pods(), *self._jobs]
        ]
        refused = [deployment for deployment in self._deployments.values() if deployment.refusal]
        return statuses + [PodStatus(d.name, d.name, False, 0, d.refusal, {}, None) for d in refused]

    def service_url(self, name: str) -> str:
        """Raises `KeyError` for an unknown name."""
        return self._services[name].url

    def service_urls(self) -> dict[str, str]:
        """Every Service's address on this machine."""
        return {name: service.url for name, service in self._services.items()}

    def not_honoured(self) -> list[str]:
        """The fields and kinds of the manifests that mean nothing on a laptop."""
        return list(self._manifests.ignored)

    def _all_pods(self) -> Iterable[Pod]:
        return [pod for deployment in self._deployments.values() for pod in deployment.pods]

    def _make_node(self) -> Node:
        for folder in (self._state / "pods", self._state / "logs"):
            shutil.rmtree(folder, ignore_errors=True)  # of an earlier run: pods, unlike messages, do not come back
            folder.mkdir(parents=True, mode=0o700)
        return Node(
            state=self._state,
            environment=self._node_environment,
            service_accounts=self._manifests.service_accounts,
            config_maps=self._manifests.config_maps,
            webhook=self._webhook,
            issue_token=self._issue_token,
            reaper=Reaper(),
            client=httpx.AsyncClient(trust_env=False, verify=False),  # noqa: S501 - probes speak plain HTTP to loopback
            clock=self._clock,
        )
