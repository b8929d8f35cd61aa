"""A ScaledObject on the local cluster: KEDA's operator asks the real client with its own identity, and is obeyed."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure.identity import WorkloadIdentityCredential
from azure.servicebus import ServiceBusClient, ServiceBusMessage, TransportType
from harness import MODEL
from harness.clusters import WEB, Clock, until
from localcloud.authorization.model import TENANT_ID, client_id
from localcloud.cluster.cluster import Cluster
from localcloud.cluster.webhook import WebhookSettings
from localcloud.entra.discovery import AUTHORITY
from localcloud.operator.environment import node_environment
from localcloud.testing import RunningCloud, reached_as_from_a_pod

KEDA = "keda"


@pytest.fixture(scope="module")
def cloud(start_cloud: Callable[..., RunningCloud], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A cloud that trusts KEDA's operator, which may read the queue's properties and no message."""
    model = yaml.safe_load(MODEL.read_text())
    model["roles"]["Queue Reader"] = {"kind": "custom", "actions": ["Microsoft.ServiceBus/namespaces/queues/read"]}
    account = {"namespace": "kube-system", "serviceAccount": "keda-operator"}
    model["workloads"][KEDA] = account | {"grants": [{"role": "Queue Reader", "scope": "serviceBus/jobs"}]}
    file = tmp_path_factory.mktemp("keda") / "access.yaml"
    file.write_text(yaml.safe_dump(model))
    running = start_cloud(file)
    with reached_as_from_a_pod(running):
        yield running


@pytest.fixture
def queue(cloud: RunningCloud) -> Iterator["Queue"]:
    with WorkloadIdentityCredential(**cloud.workload_identity("owner")) as credential:
        client = ServiceBusClient(
            cloud.namespace,
            credential,
            custom_endpoint_address=cloud.amqp_endpoint,
            transport_type=TransportType.Amqp,
            connection_verify=cloud.ca_bundle,
        )
        with client:
            queue = Queue(client)
            yield queue
            queue.empty()


class Queue:
    """The queue's other users: those who send, and a worker."""

    def __init__(self, client: ServiceBusClient) -> None:
        self._client = client
        self._waiting = 0

    def send(self, number: int) -> None:
        with self._client.get_queue_sender("jobs") as sender:
            sender.send_messages([ServiceBusMessage(b"work", message_id=os.urandom(8).hex()) for _ in range(number)])
        self._waiting += number

    def empty(self) -> None:
        with self._client.get_queue_receiver("jobs") as receiver:
            while self._waiting:
                for message in receiver.receive_messages(self._waiting, max_wait_time=5):
                    receiver.complete_message(message)
                    self._waiting -= 1


@asynccontextmanager
async def scaled(cloud: RunningCloud, folder: Path, operator: str = KEDA, **spec: Any) -> AsyncIterator["Scaled"]:
    """Run `overlays/web` under a ScaledObject with this spec, as the identity `operator`."""
    overlay = written(folder / "overlay", cloud.cloud.settings.name, client_id(operator), spec)
    clock = Clock()
    reports: list[str] = []
    cluster = Cluster(
        overlay=overlay,
        state=folder / "state",
        issue_token=cloud.cloud.issuer.issue_token,
        webhook=WebhookSettings(tenant_id=TENANT_ID, authority_host=f"{AUTHORITY}/"),
        node_environment=node_environment(cloud.cloud),
        report=reports.append,
        service_ports={"web": 0},
        clock=clock,
    )
    await cluster.start()
    try:
        yield Scaled(cluster, clock, folder / "state" / "logs" / "keda-operator.log", reports)
    finally:
        await cluster.stop()


def written(overlay: Path, namespace: str, identity: str, spec: dict[str, Any]) -> Path:
    """Write the overlay: `overlays/web`, a ScaledObject of one worker for two messages, a TriggerAuthentication."""
    metadata = {"namespace": namespace, "queueName": "jobs", "messageCount": "2"}
    trigger = {"type": "azure-servicebus", "authenticationRef": {"name": KEDA}, "metadata": metadata}
    scaled_object = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "web", "namespace": "test"},
        "spec": {"scaleTargetRef": {"name": "web"}, "triggers": [trigger], **spec},
    }
    authentication = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": {"name": KEDA, "namespace": "test"},
        "spec": {"podIdentity": {"provider": "azure-workload", "identityId": identity}},
    }
    overlay.mkdir()
    resources = [os.path.relpath(WEB, overlay.resolve()), "keda.json", "authentication.json"]
    (overlay / "kustomization.yaml").write_text(json.dumps({"resources": resources}))
    (overlay / "keda.json").write_text(json.dumps(scaled_object))
    (overlay / "authentication.json").write_text(json.dumps(authentication))
    return overlay


class Scaled:
    """A cluster with a ScaledObject, and what its user sees."""

    def __init__(self, cluster: Cluster, clock: Clock, log: Path, reports: list[str]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._log = log
        self.reports = reports

    @property
    def replicas(self) -> int:
        return len(self._cluster.pods())

    def after(self, seconds: float) -> None:
        """Move KEDA's clock."""
        self._clock.now += seconds

    async def is_looked_at(self) -> None:
        """Return when the operator has looked at its clock again."""
        looks = self._clock.looks
        await until(lambda: self._clock.looks >= looks + 10)

    def log(self) -> list[list[str]]:
        """The operator's lines, each in its five parts: time, level, logger, message, fields."""
        return [line.split("\t") for line in self._log.read_text().splitlines()] if self._log.exists() else []


def looks(cloud: RunningCloud) -> int:
    """How often the operator has asked for the queue's length."""
    return len([each for each in cloud.accesses(KEDA) if each.scope == "serviceBus/jobs"])


async def test_pods_come_with_the_messages_and_go_after_them(cloud: RunningCloud, queue: Queue, tmp_path: Path) -> None:
    """From none to one, to one for two messages, and back to none when `cooldownPeriod` has passed, not before."""
    async with scaled(cloud, tmp_path, pollingInterval=10, cooldownPeriod=60, maxReplicaCount=3) as web:
        await until(lambda: web.replicas == 0)
        await asyncio.to_thread(queue.send, 1)
        web.after(10)
        await until(lambda: web.replicas == 1)
        await asyncio.to_thread(queue.send, 9)
        web.after(10)
        await until(lambda: web.replicas == 3)
        await asyncio.to_thread(queue.empty)
        before = looks(cloud)
        web.after(59)
        await until(lambda: looks(cloud) > before)
        assert web.replicas == 3
        web.after(10)
        await until(lambda: web.replicas == 0)
        assert [fields for *_, fields in web.log()] == [
            json.dumps(
                {
                    "scaledobject.Name": "web",
                    "scaledObject.Namespace": "test",
                    "scaleTarget.Name": "web",
                    "Original Replicas Count": before,
                    "New Replicas Count": after,
                }
            )
            for before, after in ((2, 0), (0, 1), (3, 0))
        ]


async def test_it_asks_once_in_a_polling_interval(cloud: RunningCloud, tmp_path: Path) -> None:
    """At once, and again when `pollingInterval` seconds have passed."""
    before = looks(cloud)
    async with scaled(cloud, tmp_path, pollingInterval=30) as web:
        await until(lambda: looks(cloud) == before + 1)
        web.after(29)
        await web.is_looked_at()
        assert looks(cloud) == before + 1
        web.after(1)
        await until(lambda: looks(cloud) == before + 2)


async def test_a_role_taken_away_shows_in_the_operators_log(cloud: RunningCloud, queue: Queue, tmp_path: Path) -> None:
    """KEDA's two lines say it at each look, the pods stay as many as they are, and the role given back mends it."""
    async with scaled(cloud, tmp_path, pollingInterval=10, cooldownPeriod=0) as web:
        await until(lambda: web.replicas == 0)
        await asyncio.to_thread(queue.send, 1)
        with cloud.revoke(KEDA, "Queue Reader"), cloud.expects_denials():
            web.after(10)
            await until(lambda: any(level == "ERROR" for _, level, *_ in web.log()))
            scaler, handler = web.log()[-2:]
            assert scaler[1:4] == ["ERROR", "azure_servicebus_scaler", "error getting service bus entity length"]
            said = json.loads(scaler[4])
            assert (said["type"], said["namespace"], said["name"]) == ("ScaledObject", "test", "web")
            assert "Manage,EntityRead claims" in said["error"]
            assert handler[1:4] == ["ERROR", "scale_handler", "error getting scale decision"]
            assert json.loads(handler[4])["scaler"] == "azureServiceBusScaler"
            assert web.replicas == 0
            web.after(10)
            await until(lambda: len([line for line in web.log() if line[1] == "ERROR"]) >= 4)
            told = [line for line in web.reports if "can't be counted" in line]
            assert len(told) == 1  # the terminal is told once, the log each time
            assert told[0].endswith("logs/keda-operator.log")
        web.after(10)
        await until(lambda: web.replicas == 1)


async def test_an_operator_without_a_federated_credential_shows_it_too(cloud: RunningCloud, tmp_path: Path) -> None:
    """An identity that does not trust the operator's account gives it no token: the log has Entra's own sentence."""
    async with scaled(cloud, tmp_path, operator="reader", pollingInterval=10) as web:
        await until(lambda: len(web.log()) == 2)
        assert "AADSTS700213" in json.loads(web.log()[0][4])["error"]
        assert web.replicas == 2


async def test_no_token_is_left_behind(cloud: RunningCloud, tmp_path: Path) -> None:
    """While the operator runs, its token is a file that only its owner may read. When it has stopped, it is gone."""
    pods = tmp_path / "state" / "pods"
    before = looks(cloud)
    async with scaled(cloud, tmp_path):
        await until(lambda: looks(cloud) > before)
        [token] = pods.glob("keda-operator-*/*")
        assert token.stat().st_mode & 0o777 == 0o600
    assert list(pods.iterdir()) == []


async def test_an_edited_scaled_object_is_taken(cloud: RunningCloud, tmp_path: Path) -> None:
    """A new minimum holds as soon as its file is written, and without the ScaledObject the number stays."""
    async with scaled(cloud, tmp_path, pollingInterval=10) as web:
        await until(lambda: web.replicas == 0)
        file = tmp_path / "overlay" / "keda.json"
        edited = json.loads(file.read_text())
        edited["spec"]["minReplicaCount"] = 1
        file.write_text(json.dumps(edited))
        await until(lambda: web.replicas == 1)
