"""The four services that the worker depends on, and what it makes of their failures."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from azure.core.exceptions import AzureError, ClientAuthenticationError
from workload.failure import Failure, explain

KEY_VAULT = "Key Vault"
COSMOS_DB = "Cosmos DB"
BLOB_STORAGE = "Blob Storage"
SERVICE_BUS = "Service Bus"

CALL_TIMEOUT = 8.0  # seconds for one call, the SDK's own retries included


class Unavailable(Exception):
    """A dependency does not answer, or does not let us in. That is no message's fault, and worth repeating.

    `refused` tells a refusal (no access, no such thing) from an outage.
    """

    def __init__(self, dependency: str, failure: Failure, refused: bool = False) -> None:
        super().__init__(f"{dependency}: {failure}")
        self.dependency = dependency
        self.failure = failure
        self.refused = refused


@asynccontextmanager
async def calling(dependency: str) -> AsyncIterator[None]:
    """Bounds calls to a dependency in time and turns its failures into `Unavailable`.

    What the service says about the request itself (400, 409, 412, 413) is raised as it came: waiting won't cure it.
    """
    try:
        async with asyncio.timeout(CALL_TIMEOUT):
            yield
    except TimeoutError as error:
        failure = Failure(None, "TimeoutError", f"no answer within {CALL_TIMEOUT:g} s")
        raise Unavailable(dependency, failure) from error
    except (AzureError, aiohttp.ClientError, OSError) as error:
        failure = explain(error)
        unauthenticated = isinstance(error, ClientAuthenticationError)  # Entra may say so with 400
        if failure.status in (400, 409, 412, 413) and not unauthenticated:
            raise
        refused = unauthenticated or failure.status in (401, 403, 404)
        raise Unavailable(dependency, failure, refused) from error
