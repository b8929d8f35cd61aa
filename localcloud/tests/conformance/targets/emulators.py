"""The official emulators, as `emulators.compose.yaml` publishes them on this machine.

They know keys only. These are the ones that Microsoft documents for everybody: they open nothing but an emulator, and
stand nowhere else in this project.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cache
from typing import Any, NoReturn

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.core.pipeline.transport import RequestsTransport
from azure.cosmos import CosmosClient, PartitionKey
from azure.cosmos.aio import CosmosClient as AioCosmosClient
from azure.servicebus import ServiceBusClient
from azure.servicebus.aio import ServiceBusClient as AioServiceBusClient
from azure.servicebus.management import ServiceBusAdministrationClient
from azure.storage.blob import BlobServiceClient
from azure.storage.blob.aio import BlobServiceClient as AioBlobServiceClient
from conformance.targets.namespace import RemoteNamespace, made

# https://learn.microsoft.com/azure/storage/common/storage-connect-azurite#use-a-well-known-storage-account-and-key
_BLOB_URL = "http://127.0.0.1:10000/devstoreaccount1"
_BLOB_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
# https://learn.microsoft.com/azure/cosmos-db/emulator#authentication
_COSMOS_URL = "http://localhost:8081"
_COSMOS_KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
# https://github.com/Azure/azure-service-bus-emulator-installer#choosing-the-right-connection-string
_SERVICE_BUS = (
    "Endpoint=sb://localhost{port};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;"
    "UseDevelopmentEmulator=true;"
)


class _PlainHttp(RequestsTransport):  # type: ignore[misc]  # azure-core loads it lazily
    """The administration client asks for https whatever the connection string says; the emulator speaks http."""

    def send(self, request: Any, **options: Any) -> Any:
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, **options)


class Emulators:
    """Azurite, Cosmos DB's and Service Bus'; what the tests expect to be there is made at the first use of each."""

    def vault(self, **_: Any) -> NoReturn:
        pytest.skip("Key Vault has no official emulator")

    def aio_vault(self) -> NoReturn:
        self.vault()

    def cosmos(self) -> CosmosClient:
        self._make_cosmos_containers()
        return CosmosClient(_COSMOS_URL, _COSMOS_KEY)

    @asynccontextmanager
    async def aio_cosmos(self) -> AsyncIterator[AioCosmosClient]:
        self._make_cosmos_containers()
        async with AioCosmosClient(_COSMOS_URL, _COSMOS_KEY) as client:
            yield client

    def blobs(self, **options: Any) -> BlobServiceClient:
        self._make_blob_containers()
        return BlobServiceClient(_BLOB_URL, _BLOB_KEY, **options)

    @asynccontextmanager
    async def aio_blobs(self) -> AsyncIterator[AioBlobServiceClient]:
        self._make_blob_containers()
        async with AioBlobServiceClient(_BLOB_URL, _BLOB_KEY) as client:
            yield client

    @contextmanager
    def namespace(
        self, queues: Mapping[str, Mapping[str, Any]], topics: Mapping[str, Any] | None = None
    ) -> Iterator[RemoteNamespace]:
        client, administration = _SERVICE_BUS.format(port=""), _SERVICE_BUS.format(port=":5300")
        administrator = ServiceBusAdministrationClient.from_connection_string(administration, transport=_PlainHttp())
        with made(administrator, queues, topics or {}) as names:
            yield RemoteNamespace(
                names,
                lambda: ServiceBusClient.from_connection_string(client),
                lambda: AioServiceBusClient.from_connection_string(client),
            )

    @cache  # noqa: B019 - there is one of these, for the whole session
    def _make_cosmos_containers(self) -> None:
        with CosmosClient(_COSMOS_URL, _COSMOS_KEY) as client:
            database = client.create_database_if_not_exists("shop")
            for container in ("items", "other"):
                database.create_container_if_not_exists(container, PartitionKey("/pk"))
            database.create_container_if_not_exists("places", PartitionKey(["/country", "/city", "/street"]))

    @cache  # noqa: B019 - as above
    def _make_blob_containers(self) -> None:
        with BlobServiceClient(_BLOB_URL, _BLOB_KEY) as client:
            for container in ("files", "other"):
                with suppress(ResourceExistsError):
                    client.create_container(container)
