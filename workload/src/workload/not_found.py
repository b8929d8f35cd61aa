"""What a 404 is about: the item that was asked for, or the container that should hold it."""

from azure.core.exceptions import ResourceNotFoundError

NO_SUCH_ID = "0" * 32
"""An id that no item has. A check asks for it: the answer 404 shows that it may ask."""

_CONTAINER_MISSING = 1003


def is_about_item(error: ResourceNotFoundError) -> bool:
    """Tell whether the document or the blob is missing. If not, its container, database or account is.

    Cosmos DB's sub-status says so, and Blob Storage's error code:
    https://learn.microsoft.com/rest/api/cosmos-db/http-status-codes-for-cosmosdb
    https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
    """
    if hasattr(error, "sub_status"):
        return bool(error.sub_status != _CONTAINER_MISSING)
    return bool(getattr(error, "error_code", None) == "BlobNotFound")
