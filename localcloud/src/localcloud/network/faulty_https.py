"""What a fault does to a request over HTTPS: it refuses, ignores, resets or delays it, or answers with an error.

The errors are each service's own: Key Vault, Cosmos DB and Entra answer 429, Blob Storage 503 `ServerBusy`.
https://learn.microsoft.com/azure/architecture/best-practices/retry-service-specific
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localcloud.blob.errors import BlobError
from localcloud.entra.errors import EntraError
from localcloud.faults import Fault, Faults, Kind
from localcloud.keyvault.errors import KeyVaultError
from localcloud.network.http_server import RESET

Answer = Callable[[Fault], Response]


class Faulty:
    """Hand a request to the service's ASGI application, unless the service has a fault."""

    def __init__(self, app: ASGIApp, faults: Faults, service: str) -> None:
        self._app = app
        self._faults = faults
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._faults.of(self._service)
        if fault is None or scope["type"] == "websocket":  # the connection in it meets the fault
            await self._app(scope, receive, send)
            return
        fault.met += 1
        match fault.kind:
            case Kind.DOWN:
                await _reset(scope, receive)
            case Kind.SILENT:
                await _gone(receive)
            case Kind.RESETTING:
                await self._app(scope, receive, _unsent)
                await _reset(scope, receive)
            case Kind.SLOW:
                await asyncio.sleep(fault.seconds)
                await self._app(scope, receive, send)
            case Kind.THROTTLING | Kind.FAILING:
                await _ANSWERS[fault.kind][self._service](fault)(scope, receive, send)


async def _unsent(_message: Message) -> None:
    """Drop a part of an answer that is never sent."""


async def _reset(scope: Scope, receive: Receive) -> None:
    scope["extensions"][RESET]["reset"]()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    """Read what the client sends until it closes the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _after(fault: Fault) -> dict[str, str]:
    """The header that tells a client when to try again, in whole seconds (RFC 9110, section 10.2.3)."""
    return {"Retry-After": str(math.ceil(fault.seconds))}


def _with(response: Response, headers: Mapping[str, str]) -> Response:
    response.headers.update(headers)
    return response


def _entra_busy(fault: Fault) -> Response:
    error = EntraError(90055, "temporarily_unavailable", 429, "There are too many incoming requests.")
    return _with(error.response(time.time()), _after(fault))


def _entra_failing(_fault: Fault) -> Response:
    error = EntraError(90033, "temporarily_unavailable", 503, "A transient error has occurred. Please try again.")
    return error.response(time.time())


def _keyvault_busy(fault: Fault) -> Response:
    message = "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached"
    return KeyVaultError(429, "Throttled", message, headers=_after(fault)).response()


def _keyvault_failing(_fault: Fault) -> Response:
    return KeyVaultError(503, "ServiceUnavailable", "The service is temporarily unavailable.").response()


def _cosmos_busy(fault: Fault) -> Response:
    headers = {"x-ms-retry-after-ms": str(round(fault.seconds * 1000)), "x-ms-substatus": "3200"}
    message = "Request rate is large. More Request Units may be needed, so no changes were made."
    return JSONResponse({"code": "429", "message": message}, 429, headers)


def _cosmos_failing(_fault: Fault) -> Response:
    return JSONResponse({"code": "ServiceUnavailable", "message": "Service is currently unavailable."}, 503)


def _blob_busy(_fault: Fault) -> Response:
    message = "The server is currently unable to receive requests. Please retry your request."
    return BlobError(503, "ServerBusy", message).response("")


def _blob_failing(_fault: Fault) -> Response:
    message = "The server encountered an internal error. Please retry the request."
    return BlobError(500, "InternalError", message).response("")


def _busy(fault: Fault) -> Response:
    return JSONResponse({"error": "too many requests"}, 429, _after(fault))


def _failing(_fault: Fault) -> Response:
    return JSONResponse({"error": "temporarily unavailable"}, 503)


_ANSWERS: dict[Kind, dict[str, Answer]] = {
    Kind.THROTTLING: {
        "entra": _entra_busy,
        "issuer": _busy,
        "keyvault": _keyvault_busy,
        "cosmos": _cosmos_busy,
        "blob": _blob_busy,
        "servicebus": _busy,
        "token-proxy": _busy,
    },
    Kind.FAILING: {
        "entra": _entra_failing,
        "issuer": _failing,
        "keyvault": _keyvault_failing,
        "cosmos": _cosmos_failing,
        "blob": _blob_failing,
        "servicebus": _failing,
        "token-proxy": _failing,
    },
}
