"""The receipts in Blob Storage and the documents in Cosmos DB: created once, read back, never changed."""

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosResourceExistsError, CosmosResourceNotFoundError
from azure.storage.blob import ContentSettings
from azure.storage.blob.aio import ContainerClient
from workload.not_found import NO_SUCH_ID, is_about_item

from backend.dependencies import BLOB_STORAGE, COSMOS_DB, calling
from contract import OrderDocument


class BlobReceipts:
    """The container of receipts, each a blob of type `application/jose`."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    async def add(self, name: str, receipt: str) -> str:
        """Stores the receipt unless one has this name already; returns the one that is stored now.

        Raises `Unavailable`. Our role may add blobs but not overwrite them, so Azure answers an existing name with
        409 or with 403, whichever check comes first: only what is there tells a repeat from a missing role.
        """
        async with calling(BLOB_STORAGE):
            try:
                await self._container.upload_blob(
                    name,
                    receipt.encode(),
                    overwrite=False,
                    content_settings=ContentSettings(content_type="application/jose"),
                )
                return receipt
            except HttpResponseError as error:
                if error.status_code not in (403, 409):
                    raise
                stored = await self._read(name)
                if stored is None:
                    raise
                return stored

    async def has(self, name: str) -> bool:
        """Whether a receipt has this name. Raises `Unavailable`."""
        async with calling(BLOB_STORAGE):
            try:
                await self._container.get_blob_client(name).get_blob_properties()
            except ResourceNotFoundError as error:
                if not is_about_item(error):
                    raise
                return False
            return True

    async def check(self) -> None:
        """Returns where receipts may be read; raises `Unavailable`."""
        async with calling(BLOB_STORAGE):
            await self._read(NO_SUCH_ID)

    async def _read(self, name: str) -> str | None:
        try:
            download = await self._container.download_blob(name, encoding="utf-8")
            return str(await download.readall())
        except ResourceNotFoundError as error:
            if not is_about_item(error):
                raise
            return None


class CosmosDocuments:
    """The container of order documents, partitioned by customer."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def read(self, order_id: str, customer_id: str) -> OrderDocument | None:
        """The order's document, if there is one. Raises `Unavailable`."""
        async with calling(COSMOS_DB):
            return await self._read(order_id, customer_id)

    async def create(self, document: OrderDocument) -> OrderDocument:
        """Stores the document unless the order has one already; returns the one that is stored now.

        Raises `Unavailable`.
        """
        async with calling(COSMOS_DB):
            try:
                await self._container.create_item(document.model_dump(mode="json"))
                return document
            except CosmosResourceExistsError:
                stored = await self._read(document.id, document.customerId)
                if stored is None:
                    raise
                return stored

    async def check(self) -> None:
        """Returns where documents may be read; raises `Unavailable`."""
        await self.read(NO_SUCH_ID, NO_SUCH_ID)

    async def _read(self, order_id: str, customer_id: str) -> OrderDocument | None:
        try:
            item = await self._container.read_item(order_id, partition_key=customer_id)
        except CosmosResourceNotFoundError as error:
            if not is_about_item(error):
                raise
            return None
        return OrderDocument.model_validate(item)
