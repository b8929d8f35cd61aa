"""What the conformance tests run against: the local cloud, the official emulators, or Azure.

Each target hands out the SDKs' own clients, so that a test cannot tell which it has. It must hold: a vault; a Cosmos
DB account with the database `shop` and its containers `items` and `other`, both partitioned by `/pk`, and `places`,
partitioned by `/country`, `/city` and `/street`; a storage account with the containers `files` and `other`; and it
makes the queues that a test module asks for.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol

from azure.cosmos import CosmosClient
from azure.cosmos.aio import CosmosClient as AioCosmosClient
from azure.keyvault.secrets import SecretClient
from azure.keyvault.secrets.aio import SecretClient as AioSecretClient
from azure.servicebus import ServiceBusReceiver, ServiceBusSender
from azure.servicebus.aio import ServiceBusClient as AioServiceBusClient
from azure.storage.blob import BlobServiceClient
from azure.storage.blob.aio import BlobServiceClient as AioBlobServiceClient


class Namespace(Protocol):
    """Queues that no other test module uses, by names that the target has given them."""

    @property
    def queues(self) -> Iterable[str]: ...

    def sender(self, queue: str) -> ServiceBusSender: ...

    def receiver(self, queue: str, **options: Any) -> ServiceBusReceiver: ...

    def dead_letters(self, queue: str) -> ServiceBusReceiver: ...

    def topic_sender(self, topic: str) -> ServiceBusSender:
        """A topic has the name that the test gives it, the target perhaps another."""

    def subscription_receiver(self, topic: str, subscription: str, **options: Any) -> ServiceBusReceiver: ...

    def aio_client(self) -> AioServiceBusClient: ...

    def release(self) -> None:
        """Called after each test: connections may be few."""


class Target(Protocol):
    """Clients of one set of services; `options` are the SDK's. A service that is not there skips its tests."""

    def vault(self, **options: Any) -> SecretClient: ...

    def aio_vault(self) -> AbstractAsyncContextManager[AioSecretClient]: ...

    def cosmos(self) -> CosmosClient: ...

    def aio_cosmos(self) -> AbstractAsyncContextManager[AioCosmosClient]: ...

    def blobs(self, **options: Any) -> BlobServiceClient: ...

    def aio_blobs(self) -> AbstractAsyncContextManager[AioBlobServiceClient]: ...

    def namespace(
        self, queues: Mapping[str, Mapping[str, Any]], topics: Mapping[str, Any] | None = None
    ) -> AbstractContextManager[Namespace]:
        """Queues with these properties, and topics with subscriptions and rules, written as in the access model."""
