"""Cosmos DB's REST interface under the account's own name (https://learn.microsoft.com/rest/api/cosmos-db/)."""

import logging
import sqlite3
from typing import cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.authorization.guard import Guard
from localcloud.cosmos import responses
from localcloud.cosmos.endpoints import Endpoints
from localcloud.cosmos.errors import CosmosError, Unavailable
from localcloud.cosmos.state import ItemStore
from localcloud.database import is_outage

_log = logging.getLogger(__name__)


def cosmos(guard: Guard, store: ItemStore, account: str, base_url: str) -> Starlette:
    """Make the application of an account. `base_url` is its own, such as `https://contoso.documents.azure.com/`."""
    return Starlette(
        routes=routes(Endpoints(guard, store, account, base_url)),
        middleware=[Middleware(_Simplified)],
        exception_handlers={CosmosError: _refused, HTTPException: _not_routed, sqlite3.Error: _failed},
    )


def routes(endpoints: Endpoints) -> list[Route]:
    """List every request that is answered; the last route takes what is the control plane's or nothing."""
    database = "/dbs/{database}"
    container = f"{database}/colls/{{container}}"
    management = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
    return [
        Route("/", endpoints.account, methods=["GET"]),
        Route("/addresses", endpoints.addresses, methods=["GET"]),
        Route("//addresses", endpoints.addresses, methods=["GET"]),
        Route("/dbs", endpoints.databases, methods=["GET"]),
        Route(database, endpoints.database, methods=["GET"]),
        Route(f"{database}/colls", endpoints.containers, methods=["GET"]),
        Route(container, endpoints.container, methods=["GET"]),
        Route(f"{container}/pkranges", endpoints.partition_key_ranges, methods=["GET"]),
        Route(f"{container}/docs", endpoints.read_feed, methods=["GET"]),
        Route(f"{container}/docs", endpoints.post_document, methods=["POST"]),
        Route(f"{container}/docs/{{item:path}}", endpoints.document, methods=["GET", "PUT", "PATCH", "DELETE"]),
        Route(f"{container}/conflicts", endpoints.conflicts, methods=["GET", "POST"]),
        Route(f"{container}/conflicts/{{conflict}}", endpoints.conflict, methods=["GET", "DELETE"]),
        Route(f"{container}/sprocs/{{procedure}}", endpoints.stored_procedure, methods=["POST"]),
        Route("/{anything:path}", endpoints.management, methods=management),
    ]


class _Simplified:
    """Passes a request on as its client means it: the SDKs end some paths with a slash, and send empty headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = [(name, value) for name, value in scope["headers"] if value]
            scope = {**scope, "path": scope["path"].rstrip("/") or "/", "headers": headers}
        await self._app(scope, receive, send)


async def _refused(_: Request, error: Exception) -> Response:
    return responses.refusal(cast(CosmosError, error))


async def _failed(_: Request, error: Exception) -> Response:
    """Answer a request that a full disk stops; any other failure of the database is a fault of this program."""
    if not is_outage(error):
        raise error
    _log.warning("Cosmos DB can store nothing at the moment: %s", error)
    return responses.refusal(Unavailable())


async def _not_routed(_: Request, error: Exception) -> Response:
    routing = cast(HTTPException, error)
    return responses.refusal(CosmosError(routing.status_code, f"{routing.detail}."))
