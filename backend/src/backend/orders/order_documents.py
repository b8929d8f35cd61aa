"""The order documents in Cosmos DB: created once, read back, never changed."""

from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosResourceExistsError, CosmosResourceNotFoundError

from backend.dependencies.dependency import COSMOS_DB, dependency
from contract import OrderDocument
from workload.not_found import NO_SUCH_ID, is_about_item


class OrderDocuments:
    """The container of order documents, partitioned by customer. Each method raises `Unavailable`."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def read(self, order_id: str, customer_id: str) -> OrderDocument | None:
        """Return the order's document, or None."""
        async with dependency(COSMOS_DB):
            return await self._read(order_id, customer_id)

    async def create(self, document: OrderDocument) -> OrderDocument:
        """Store the document unless the order has one. Return the one that is stored now."""
        async with dependency(COSMOS_DB):
            try:
                await self._container.create_item(document.model_dump(mode="json"))
                return document
            except CosmosResourceExistsError:
                stored = await self._read(document.id, document.customerId)
                if stored is None:
                    raise
                return stored

    async def check(self) -> None:
        """Check that documents may be read."""
        await self.read(NO_SUCH_ID, NO_SUCH_ID)

    async def _read(self, order_id: str, customer_id: str) -> OrderDocument | None:
        try:
            item = await self._container.read_item(order_id, partition_key=customer_id)
        except CosmosResourceNotFoundError as error:
            if not is_about_item(error):
                raise
            return None
        return OrderDocument.model_validate(item)
