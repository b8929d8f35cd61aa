"""The local cloud, reached as a pod reaches Azure: by Azure's names, with the tokens of a workload."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from azure.cosmos import CosmosClient
from azure.cosmos.aio import CosmosClient as AioCosmosClient
from azure.identity import WorkloadIdentityCredential
from azure.identity.aio import WorkloadIdentityCredential as AioWorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.keyvault.secrets.aio import SecretClient as AioSecretClient
from azure.storage.blob import BlobServiceClient
from azure.storage.blob.aio import BlobServiceClient as AioBlobServiceClient


class LocalCloud:
    """`cloud` is the running one of `tests/localcloud/conftest.py`; `credential` and `aio_credential` come with it."""

    def __init__(
        self,
        cloud: Any,
        credential: Callable[[str], WorkloadIdentityCredential],
        aio_credential: Callable[[str], AioWorkloadIdentityCredential],
    ) -> None:
        self._cloud = cloud
        self._credential = credential
        self._aio_credential = aio_credential

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
