"""Azure itself, as the principal that is signed in with `az login`.

The accounts are named by the services' own settings. What the tests expect in them is made beforehand, as
infrastructure does it; that principal needs Key Vault Secrets Officer, Cosmos DB Built-in Data Contributor, Storage
Blob Data Contributor and Azure Service Bus Data Owner on them. Take accounts that hold nothing else: secrets, items and
blobs are left behind.
"""

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from azure.cosmos import CosmosClient
from azure.cosmos.aio import CosmosClient as AioCosmosClient
from azure.identity import AzureCliCredential
from azure.identity.aio import AzureCliCredential as AioAzureCliCredential
from azure.keyvault.secrets import SecretClient
from azure.keyvault.secrets.aio import SecretClient as AioSecretClient
from azure.servicebus import ServiceBusClient
from azure.servicebus.aio import ServiceBusClient as AioServiceBusClient
from azure.servicebus.management import ServiceBusAdministrationClient
from azure.storage.blob import BlobServiceClient
from azure.storage.blob.aio import BlobServiceClient as AioBlobServiceClient
from conformance.targets.namespace import RemoteNamespace, made

_SETTINGS = (
    "AZURE_KEYVAULT_RESOURCEENDPOINT",
    "AZURE_COSMOS_RESOURCEENDPOINT",
    "AZURE_STORAGEBLOB_RESOURCEENDPOINT",
    "AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE",
)


class Azure:
    """The services whose endpoints are in the environment; at least one must be."""

    def __init__(self) -> None:
        if not os.environ.keys() & set(_SETTINGS):
            pytest.exit(f"no account of Azure to test: set {', '.join(_SETTINGS)}", 2)
        self._credential = AzureCliCredential()

    def vault(self, **options: Any) -> SecretClient:
        return SecretClient(_setting("AZURE_KEYVAULT_RESOURCEENDPOINT"), self._credential, **options)

    @asynccontextmanager
    async def aio_vault(self) -> AsyncIterator[AioSecretClient]:
        async with (
            AioAzureCliCredential() as credential,
            AioSecretClient(_setting("AZURE_KEYVAULT_RESOURCEENDPOINT"), credential) as client,
        ):
            yield client

    def cosmos(self) -> CosmosClient:
        return CosmosClient(_setting("AZURE_COSMOS_RESOURCEENDPOINT"), self._credential)

    @asynccontextmanager
    async def aio_cosmos(self) -> AsyncIterator[AioCosmosClient]:
        async with (
            AioAzureCliCredential() as credential,
            AioCosmosClient(_setting("AZURE_COSMOS_RESOURCEENDPOINT"), credential) as client,
        ):
            yield client

    def blobs(self, **options: Any) -> BlobServiceClient:
        return BlobServiceClient(_setting("AZURE_STORAGEBLOB_RESOURCEENDPOINT"), self._credential, **options)

    @asynccontextmanager
    async def aio_blobs(self) -> AsyncIterator[AioBlobServiceClient]:
        async with (
            AioAzureCliCredential() as credential,
            AioBlobServiceClient(_setting("AZURE_STORAGEBLOB_RESOURCEENDPOINT"), credential) as client,
        ):
            yield client

    @contextmanager
    def namespace(
        self, queues: Mapping[str, Mapping[str, Any]], topics: Mapping[str, Any] | None = None
    ) -> Iterator[RemoteNamespace]:
        name = _setting("AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE")
        with made(ServiceBusAdministrationClient(name, self._credential), queues, topics or {}) as names:
            yield RemoteNamespace(
                names,
                lambda: ServiceBusClient(name, self._credential),
                lambda: AioServiceBusClient(name, AioAzureCliCredential()),
            )


def _setting(name: str) -> str:
    if name not in os.environ:
        pytest.skip(f"{name} is not set")
    return os.environ[name]
