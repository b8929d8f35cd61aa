"""The four services that the worker depends on, and the failure of a call to one of them."""

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

CALL_TIMEOUT = 6.0  # seconds for one call, the SDK's own retries included
_ABOUT_REQUEST = (400, 409, 412, 413)  # statuses that say something of the request itself


class Unavailable(Exception):
    """A dependency does not answer, or refuses access. No message is to blame, and the call is worth repeating.

    `refused` tells a refusal (no access, no such container) from an outage.
    """

    def __init__(self, dependency: str, failure: Failure, refused: bool = False) -> None:
        super().__init__(f"{dependency}: {failure}")
        self.dependency = dependency
        self.failure = failure
        self.refused = refused


@asynccontextmanager
async def dependency(name: str) -> AsyncIterator[None]:
    """Give the calls of a dependency 6 seconds, and raise `Unavailable` if they fail.

    An answer about the request itself (400, 409, 412, 413) is raised as the SDK raises it: a repeat would not help.
    """
    try:
        async with asyncio.timeout(CALL_TIMEOUT):
            yield
    except TimeoutError as error:
        raise Unavailable(name, Failure(None, "TimeoutError", f"no answer within {CALL_TIMEOUT:g} s")) from error
    except (AzureError, aiohttp.ClientError, OSError) as error:
        failure = explain(error)
        unauthenticated = isinstance(error, ClientAuthenticationError)  # Entra may say so with 400
        if failure.status in _ABOUT_REQUEST and not unauthenticated:
            raise
        raise Unavailable(name, failure, refused=unauthenticated or failure.status in (401, 403, 404)) from error
