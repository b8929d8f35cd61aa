"""The laptop's cluster: it runs an overlay's workloads as processes, under the same rules as AKS."""

import asyncio
import shutil
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from localcloud.cluster import without_effect
from localcloud.cluster.bindings.api_server import ApiServer
from localcloud.cluster.deployment import DeploymentController
from localcloud.cluster.errors import ClusterError
from localcloud.cluster.job import run_job
from localcloud.cluster.keda.operator import KedaOperator, Presented
from localcloud.cluster.manifest import Manifests, read
from localcloud.cluster.pod import Node, Pod
from localcloud.cluster.projected_token import IssueToken
from localcloud.cluster.reaper import Reaper
from localcloud.cluster.render import render
from localcloud.cluster.resources import CronJob, Deployment, PodTemplate, ServiceAccount
from localcloud.cluster.service import ServiceProxy
from localcloud.cluster.sources import Sources, shown
from localcloud.cluster.waiting import holds_within
from localcloud.cluster.webhook import WebhookSettings

_LOOK = 0.5  # seconds between looks at the overlay's files


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


@dataclass(frozen=True, slots=True)
class RunningWorkload:
    """A Deployment or CronJob as the manifests have it, and its newest pod, if it has one."""

    manifest: Deployment | CronJob
    template: PodTemplate
    account: ServiceAccount | None
    pod: Pod | None
    refusal: str

    @property
    def name(self) -> str:
        return self.manifest.metadata.name


class Cluster:
    """`service_ports` overrides the local port of a Service by its name; 0 lets the system choose.

    `report` prints a line at the terminal. Times are in seconds. `api_server` is told the manifests' ClusterRoles, and
    its CA is in every namespace.
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
        api_server: ApiServer | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sources = Sources(overlay)
        self._state = state.absolute()
        self._issue_token = issue_token
        self._webhook = webhook
        self._node_environment = node_environment
        self._report = report
        self._service_ports = service_ports or {}
        self._api_server = api_server
        self._clock = clock
        self._manifests = Manifests()
        self._deployments: dict[str, DeploymentController] = {}
        self._services: dict[str, ServiceProxy] = {}
        self._jobs: list[Pod] = []
        self._node: Node | None = None
        self._keda: KedaOperator | None = None
        self._following: asyncio.Task[None] | None = None
        self._refused: tuple[str, ...] = ()

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
        stamp = self._sources.stamp()
        self._manifests = await self._read()
        if self._api_server is not None:
            self._api_server.take(self._manifests)
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
            name: DeploymentController(item, node, _revision(item, self._manifests))
            for name, item in self._manifests.deployments.items()
        }
        if ignored := self._manifests.ignored:
            file = self._state / "without-effect.txt"
            file.write_text(without_effect.listed(ignored))
            self._report(f"{len(ignored)} fields and kinds of the manifests have no effect on a laptop: {shown(file)}")
        for deployment in self._deployments.values():
            self._start_deployment(deployment)
        for service in self._services.values():
            await service.serve()
        self._keda = KedaOperator(node, self._deployments, self._report)
        self._keda.take(self._manifests.scaled_objects, self._manifests.trigger_authentications)
        self._following = asyncio.create_task(self._follow(stamp), name="overlay")

    async def wait_ready(self, within: float) -> None:
        """Return once every Deployment has its replicas ready. Raises `TimeoutError` with each pod's reason."""
        if not await holds_within(within, lambda: all(item.ready for item in self._deployments.values())):
            reasons = "; ".join(f"{pod.name}: {pod.reason}" for pod in self.pods() if not pod.ready)
            raise TimeoutError(f"not ready after {within:.0f} s: {reasons}")

    async def stop(self) -> None:
        """Stop scaling, close the Services, then end the pods within their grace periods, then the reaper."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])
        if self._keda is not None:
            await self._keda.stop()
        await asyncio.gather(*(service.close() for service in self._services.values()))
        await asyncio.gather(
            *(deployment.stop() for deployment in self._deployments.values()), *(pod.stop() for pod in self._jobs)
        )
        if self._node is not None:
            await self._node.client.aclose()
            self._node.reaper.close()
        self._node = None

    def follow(self, overlay: Path) -> None:
        """Take another overlay in place of this one. What is the same in both stays as it is."""
        self._sources.overlay = overlay

    async def restart(self, deployment: str) -> None:
        """Replace each pod. Raises `KeyError` for an unknown name, `RolloutError` if a new pod does not get ready."""
        await self._deployments[deployment].restart()

    async def scale(self, deployment: str, replicas: int) -> None:
        """Change the number of its pods. Raises `KeyError` for an unknown name, `RolloutError` if none is admitted."""
        await self._deployments[deployment].scale(replicas)

    async def run_job(self, cron_job: str, args: Sequence[str] | None, report: Callable[[str], None]) -> int:
        """Create a Job from a suspended CronJob, report its output line by line, and return its exit code.

        `args` replaces the container's arguments. Raises `KeyError` for an unknown name.
        """
        if self._node is None:
            raise RuntimeError("the cluster does not run")
        return await run_job(self._manifests.cron_jobs[cron_job], args, self._node, self._jobs, report)

    def presented_by_keda(self) -> list[Presented]:
        """What KEDA's operator presents to Entra, none if nothing is scaled by it."""
        return self._keda.presented() if self._keda else []

    def kill(self, pod: str) -> None:
        """Kill its containers, which are started again in the same pod. Raises `KeyError` for an unknown name."""
        by_name = {each.name: each for each in [*self._all_pods(), *self._jobs]}
        by_name[pod].kill()

    def pods(self) -> list[PodStatus]:
        """The pods of Deployments and of running Jobs, and one line for each Deployment whose pods are refused."""
        statuses = [
            PodStatus(pod.name, pod.workload, pod.ready, pod.restarts, pod.status, pod.local_ports, pod.log)
            for pod in [*self._all_pods(), *self._jobs]
        ]
        refused = [deployment for deployment in self._deployments.values() if deployment.refusal]
        return statuses + [PodStatus(d.name, d.name, False, 0, d.refusal, {}, None) for d in refused]

    def workloads(self) -> list[RunningWorkload]:
        """Every Deployment and CronJob."""
        found = []
        for name, deployment in self._manifests.deployments.items():
            controller = self._deployments[name]
            pod = controller.pods[-1] if controller.pods else None
            found.append(self._workload(deployment, deployment.spec.template, pod, controller.refusal))
        for name, job in self._manifests.cron_jobs.items():
            pod = next((each for each in self._jobs if each.workload == name), None)
            found.append(self._workload(job, job.spec.job_template.spec.template, pod, ""))
        return found

    def _workload(
        self, manifest: Deployment | CronJob, template: PodTemplate, pod: Pod | None, refusal: str
    ) -> RunningWorkload:
        key = manifest.metadata.namespace, template.spec.service_account_name
        return RunningWorkload(manifest, template, self._manifests.service_accounts.get(key), pod, refusal)

    def refusal_of(self, kind: str, name: str) -> str:
        """Why the overlay as it is written now was not taken, as far as it concerns this workload; empty if it was.

        What concerns no single workload, such as a file that kustomize can't read, concerns all of them.
        """
        own = [line for line in self._refused if f"{kind}/{name}:" in line]
        of_workloads = [line for line in self._refused if "Deployment/" in line or "CronJob/" in line]
        return "; ".join(own if of_workloads else self._refused)

    def service_url(self, name: str) -> str:
        """Raises `KeyError` for an unknown name."""
        return self._services[name].url

    def service_urls(self) -> dict[str, str]:
        """Every Service's address on this machine."""
        return {name: service.url for name, service in self._services.items()}

    def not_honoured(self) -> list[str]:
        """The fields and kinds of the manifests that mean nothing on a laptop."""
        return list(self._manifests.ignored)

    async def _read(self) -> Manifests:
        return read(await render(self._sources.overlay), self._sources)

    async def _follow(self, stamp: Hashable) -> None:
        """Takes the overlay as its files have it, whenever they have changed, and not in the middle of a change."""
        before = stamp
        while True:
            await asyncio.sleep(_LOOK)
            now = self._sources.stamp()
            if now == before and now != stamp:
                stamp = now
                self._refused = ()
                try:
                    await self._take(await self._read())
                except (ClusterError, OSError) as error:  # a file may go while it is read
                    self._refused = tuple(str(error).splitlines())
                    for line in self._refused:
                        self._report(line)
                    self._report("The last good version of the manifests stays in force.")
            before = now

    async def _take(self, manifests: Manifests) -> None:
        """Brings about what has changed in the manifests. Raises `ClusterError` if a Service's port is taken."""
        assert self._node is not None  # noqa: S101 - it runs as long as the overlay is followed
        await self._take_services(manifests)
        before, self._manifests = self._manifests, manifests
        if self._api_server is not None:
            self._api_server.take(self._manifests)
        self._node = node = replace(
            self._node, service_accounts=manifests.service_accounts, config_maps=manifests.config_maps
        )
        told = f"{shown(self._sources.overlay)} has changed"
        for name in before.deployments.keys() - manifests.deployments.keys():
            self._report(f"{told}: the Deployment {name} goes")
            await self._deployments.pop(name).stop()
        for name, manifest in manifests.deployments.items():
            revision = _revision(manifest, manifests)
            if name not in self._deployments:
                self._report(f"{told}: the Deployment {name} comes")
                self._deployments[name] = DeploymentController(manifest, node, revision)
                self._start_deployment(self._deployments[name])
                continue
            if revision != _revision(before.deployments[name], before):
                self._report(f"{told}: new pods of {name} take the place of the old ones, one by one")
            self._deployments[name].take(manifest, node, revision)
        if self._keda is not None:
            self._keda.take(manifests.scaled_objects, manifests.trigger_authentications)

    async def _take_services(self, manifests: Manifests) -> None:
        for name, manifest in manifests.services.items():
            if name in self._services:
                self._services[name].take(manifest)
            else:
                service = ServiceProxy(manifest, self._service_ports.get(name), self._all_pods)
                await service.serve()
                self._services[name] = service
        for name in self._services.keys() - manifests.services.keys():
            await self._services.pop(name).close()

    def _start_deployment(self, deployment: DeploymentController) -> None:
        deployment.start()
        if deployment.refusal:
            self._report(f"{deployment.name}: {deployment.refusal}")

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


def _revision(deployment: Deployment, manifests: Manifests) -> Hashable:
    """Equal for equal pods: what their template says, and the service account and config maps that it names."""
    template, namespace = deployment.spec.template, deployment.metadata.namespace
    account = manifests.service_accounts.get((namespace, template.spec.service_account_name))
    as_text = template.model_dump_json()
    config_maps = [
        item.model_dump_json()
        for (its_namespace, name), item in manifests.config_maps.items()
        if its_namespace == namespace and f'"{name}"' in as_text
    ]
    return as_text, namespace, account.model_dump_json() if account else None, tuple(config_maps)
