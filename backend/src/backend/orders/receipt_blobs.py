"""The receipts in Blob Storage: added once, read back, never changed."""

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import ContentSettings
from azure.storage.blob.aio import ContainerClient

from backend.dependencies.dependency import BLOB_STORAGE, dependency
from workload.not_found import NO_SUCH_ID, is_about_item

_CONTENT = ContentSettings(content_type="application/jose")


class ReceiptBlobs:
    """The container of receipts. Each method raises `Unavailable`."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    async def add(self, name: str, receipt: str) -> str:
        """Store the receipt unless its name is taken. Return the one that is stored now.

        The worker's role may add blobs and not overwrite them. So Azure answers a taken name with 409 or with 403,
        whichever check comes first. If there is no such blob after a 403, the role itself is missing.
        """
        async with dependency(BLOB_STORAGE):
            try:
                await self._container.upload_blob(name, receipt.encode(), overwrite=False, content_settings=_CONTENT)
                return receipt
            except HttpResponseError as error:
                if error.status_code not in (403, 409):
                    raise
                stored = await self._read(name)
                if stored is None:
                    raise
                return stored

    async def has(self, name: str) -> bool:
        """Tell whether a receipt has this name."""
        async with dependency(BLOB_STORAGE):
            try:
                await self._container.get_blob_client(name).get_blob_properties()
            except ResourceNotFoundError as error:
                if not is_about_item(error):
                    raise
                return False
            return True

    async def check(self) -> None:
        """Check that receipts may be read."""
        async with dependency(BLOB_STORAGE):
            await self._read(NO_SUCH_ID)

    async def _read(self, name: str) -> str | None:
        try:
            download = await self._container.download_blob(name, encoding="utf-8")
            return str(await download.readall())
        except ResourceNotFoundError as error:
            if not is_about_item(error):
                raise
            return None
