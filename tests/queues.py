"""Service Bus queues of a test's own, in a local cloud, and one workload that may send and receive in each."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from azure.identity import WorkloadIdentityCredential
from azure.identity.aio import WorkloadIdentityCredential as AioWorkloadIdentityCredential
from azure.servicebus.aio import ServiceBusClient

from backend.identity.clients import servicebus_client
from backend.settings import QueueSettings
from workload.aio import WatchedCredential

if TYPE_CHECKING:
    from localcloud.testing import RunningCloud

WORKLOAD = "worker"
ROLES = ("Azure Service Bus Data Sender", "Azure Service Bus Data Receiver")


class Queues:
    """The queues of a running cloud."""

    def __init__(self, cloud: "RunningCloud") -> None:
        self._cloud = cloud

    @asynccontextmanager
    async def client(self) -> AsyncIterator[ServiceBusClient]:
        """The worker's own client, with the workload's identity."""
        settings = QueueSettings(
            azure_servicebus_fullyqualifiednamespace=self._cloud.namespace,
            azure_servicebus_custom_endpoint_address=self._cloud.amqp_endpoint,
            ssl_cert_file=self._cloud.ca_bundle,
        )
        identity = AioWorkloadIdentityCredential(**self._cloud.workload_identity(WORKLOAD))
        async with WatchedCredential(identity) as credential, servicebus_client(settings, credential) as client:
            yield client

    def put(self, queue: str, *messages: bytes) -> None:
        """Put encoded messages into the queue as the bytes that they are."""
        from localcloud.testing import RawSender

        with WorkloadIdentityCredential(**self._cloud.workload_identity(WORKLOAD)) as credential:
            token = credential.get_token("https://servicebus.azure.net/.default").token
        with RawSender.to(self._cloud, queue, token) as sender:
            for message in messages:
                sender.put(message)


@contextmanager
def running_queues(
    start_cloud: "Callable[[Path], RunningCloud]", folder: Path, queues: dict[str, dict[str, Any]]
) -> Iterator[Queues]:
    """Start a cloud with these queues, each with the properties of an access file; `folder` holds that file."""
    from localcloud.testing import reached_as_from_a_pod

    grants = [{"role": role, "scope": f"serviceBus/{queue}"} for queue in queues for role in ROLES]
    workload = {"namespace": "tests", "serviceAccount": WORKLOAD, "grants": grants}
    access = folder / "access.yaml"
    access.write_text(yaml.safe_dump({"entities": {"serviceBus": queues}, "workloads": {WORKLOAD: workload}}))
    cloud = start_cloud(access)
    with reached_as_from_a_pod(cloud):
        yield Queues(cloud)
