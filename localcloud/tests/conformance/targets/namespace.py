"""A Service Bus namespace that is not in this process: the emulator's, or one in Azure."""

import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from azure.servicebus import ServiceBusClient, ServiceBusReceiver, ServiceBusSender, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient as AioServiceBusClient
from azure.servicebus.management import ServiceBusAdministrationClient


class RemoteNamespace:
    """Its connections are few (the emulator takes ten), so what a test has opened is closed when the test ends."""

    def __init__(
        self, queues: list[str], client: Callable[[], ServiceBusClient], aio_client: Callable[[], AioServiceBusClient]
    ) -> None:
        self.queues = queues
        self.aio_client = aio_client
        self._client = client
        self._opened = contextlib.ExitStack()

    def sender(self, queue: str) -> ServiceBusSender:
        return self._opened.enter_context(self._connection().get_queue_sender(queue))

    def receiver(self, queue: str, **options: Any) -> ServiceBusReceiver:
        return self._opened.enter_context(self._connection().get_queue_receiver(queue, **options))

    def dead_letters(self, queue: str) -> ServiceBusReceiver:
        return self.receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER)

    def release(self) -> None:
        self._opened.close()

    def _connection(self) -> ServiceBusClient:
        return self._opened.enter_context(self._client())


@contextlib.contextmanager
def made(
    administration: ServiceBusAdministrationClient, queues: Mapping[str, Mapping[str, Any]]
) -> Iterator[list[str]]:
    """Makes queues of names that nobody has used before, and takes them away again; yields the names."""
    run = uuid.uuid4().hex[:8]
    with administration, contextlib.ExitStack() as stack:
        names = []
        for queue, properties in queues.items():
            name = f"conformance-{run}-{queue}"
            administration.create_queue(
                name,
                max_delivery_count=properties.get("maxDeliveryCount", 10),
                lock_duration=timedelta(minutes=1),
                requires_session=properties.get("requiresSession", False),
            )
            stack.callback(administration.delete_queue, name)
            names.append(name)
        yield names
