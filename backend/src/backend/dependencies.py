"""The four services that the worker depends on, and what it makes of their failures."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

KEY_VAULT = "Key Vault"
COSMOS_DB = "Cosmos DB"
BLOB_STORAGE = "Blob Storage"
SERVICE_BUS = "Service Bus"

CALL_TIMEOUT = 8.0  # seconds for one call, the SDK's own retries included


class Unavailable(Exception):
    """A dependency does not answer, or does not let us in: no message's fault, and worth repeating.

    `message` is the service's own sentence, on one line. `refused` tells a refusal (no access, no such thing) from
    an outage. `retry_after` is in how many seconds the service asks us to come back; None if it does not say.
    """

    def __init__(self, dependency: str, message: str, refused: bool = False, retry_after: float | None = None) -> None:
        super().__init__(f"{dependency}: {message}")
        self.dependency = dependency
        self.message = message
        self.refused = refused
        self.retry_after = retry_after


@asynccontextmanager
async def calling(dependency: str) -> AsyncIterator[None]:
    """Bounds calls to a dependency in time and turns its failures into `Unavailable`.

    What the service says about the request itself (400, 409, 412, 413) is raised as it came: waiting won't cure it.
    """
    try:
        async with asyncio.timeout(CALL_TIMEOUT):
            yield
    except TimeoutError as error:
        raise Unavailable(dependency, f"no answer within {CALL_TIMEOUT:g} s") from error
    except ClientAuthenticationError as error:
        raise Unavailable(dependency, sentence(error), refused=True) from error
    except HttpResponseError as error:
        if error.status_code in (400, 409, 412, 413):
            raise
        refused = error.status_code in (401, 403, 404)
        raise Unavailable(dependency, sentence(error), refused, retry_after(error)) from error
    except (AzureError, aiohttp.ClientError, OSError) as error:
        raise Unavailable(dependency, sentence(error)) from error


def sentence(error: BaseException) -> str:
    """What an error says, on one line: the service's own code where it has one, then at most 500 characters of text.

    Azure's errors quote no token. Entra ends its sentence with ids that differ each time; they are left out, so that
    the same failure reads the same.
    """
    text = " ".join((str(getattr(error, "message", None) or error) or type(error).__name__).split())
    text = text.split(" Trace ID:")[0]
    details = getattr(error, "error", None)  # the OData error in an answer's body; its innermost code says the most
    code = (getattr(details, "innererror", None) or {}).get("code") or getattr(error, "error_code", None)
    return text[:500] if not code or code in text[:500] else f"{code}: {text[:500]}"


def retry_after(error: BaseException) -> float | None:
    """In how many seconds the service that raised this asks us to come back; None if it does not say.

    https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3, and in milliseconds, as Cosmos DB says it:
    https://learn.microsoft.com/rest/api/cosmos-db/common-cosmosdb-rest-response-headers
    """
    if isinstance(error, Unavailable):
        return error.retry_after
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    for name, unit in (("x-ms-retry-after-ms", 0.001), ("Retry-After", 1.0)):
        with suppress(KeyError, ValueError):
            return max(0.0, float(headers[name]) * unit)
    return None
