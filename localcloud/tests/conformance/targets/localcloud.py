"""The local cloud, reached as a pod reaches Azure: by Azure's names, with the tokens of a workload."""

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from azure.cosmos import CosmosClient
from azure.cosmos.aio import CosmosClient as AioCosmosClient
from azure.keyvault.secrets import SecretClient
from azure.keyvault.secrets.aio import SecretClient as AioSecretClient
from azure.storage.blob import BlobServiceClient
from azure.storage.blob.aio import BlobServiceClient as AioBlobServiceClient
from harness.servicebus import RunningBroker


class LocalNamespace(RunningBroker):
    """Its connections are many, and opened ahead."""

    def release(self) -> None:
        pass


class LocalCloud:
    """`fixture` gives those of `conftest.py` by name, once they are asked for."""

    def __init__(self, fixture: Callable[[str], Any]) -> None:
        self._fixture = fixture

    def vault(self, **options: Any) -> SecretClient:
        return SecretClient(self._cloud.vault_url, self._credential("administrator"), **options)

    @asynccontextmanager
    async def aio_vault(self) -> AsyncIterator[AioSecretClient]:
        async with (
            self._aio_credential("administrator") as credential,
            AioSecretClient(self._cloud.vault_url, credential) as client,
        ):
            yield client

    def cosmos(self) -> CosmosClient:
        return CosmosClient(self._cloud.cosmos_url, self._credential("owner"))

    @asynccontextmanager
    async def aio_cosmos(self) -> AsyncIterator[AioCosmosClient]:
        async with (
            self._aio_credential("owner") as credential,
            AioCosmosClient(self._cloud.cosmos_url, credential) as client,
        ):
            yield client

    def blobs(self, **options: Any) -> BlobServiceClient:
        return BlobServiceClient(self._cloud.blob_url, self._credential("owner"), **options)

    @asynccontextmanager
    async def aio_blobs(self) -> AsyncIterator[AioBlobServiceClient]:
        async with (
            self._aio_credential("owner") as credential,
            AioBlobServiceClient(self._cloud.blob_url, credential, connection_verify=self._cloud.ca_bundle) as client,
        ):
            yield client

    @contextmanager
    def namespace(
        self, queues: Mapping[str, Mapping[str, Any]], topics: Mapping[str, Any] | None = None
    ) -> Iterator[LocalNamespace]:
        entities = {name: dict(properties) for name, properties in queues.items()}
        with tempfile.TemporaryDirectory(prefix="namespace-") as folder:
            running = LocalNamespace(Path(folder), entities | ({"topics": dict(topics)} if topics else {}))
            running.connect()
            yield running
            running.close()

    @property
    def _cloud(self) -> Any:
        return self._fixture("cloud")

    def _credential(self, workload: str) -> Any:
        return self._fixture("credential")(workload)

    def _aio_credential(self, workload: str) -> Any:
        return self._fixture("aio_credential")(workload)
