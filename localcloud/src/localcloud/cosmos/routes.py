"""Cosmos DB's REST interface under the account's own name (https://learn.microsoft.com/rest/api/cosmos-db/)."""

import logging
import sqlite3
from typing import Any, NoReturn, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.authorization.guard import Guard
from localcloud.cosmos import actions, batch, feeds, json_text, partition_keys, plan, resource_ids, responses
from localcloud.cosmos.account import account_document
from localcloud.cosmos.authorization import Caller
from localcloud.cosmos.containers import Container
from localcloud.cosmos.errors import BadRequest, CosmosError, NotFound, TooLarge, Unavailable
from localcloud.cosmos.items import LARGEST, Items, Preconditions
from localcloud.cosmos.state import ItemStore
from localcloud.database import is_outage

_log = logging.getLogger(__name__)


def cosmos(guard: Guard, store: ItemStore, account: str, base_url: str) -> Starlette:
    """The application of the account of this name. `base_url` is its own, such as `https://contoso.documents.azure.com/`."""
    endpoints = _Endpoints(guard, store, account, base_url)
    container = "/dbs/{database}/colls/{container}"
    management = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
    return Starlette(
        routes=[
            Route("/", endpoints.account, methods=["GET"]),
            Route("/dbs/{database}", endpoints.database, methods=["GET"]),
            Route(container, endpoints.container, methods=["GET"]),
            Route(f"{container}/pkranges", endpoints.partition_key_ranges, methods=["GET"]),
            Route(f"{container}/docs", endpoints.read_feed, methods=["GET"]),
            Route(f"{container}/docs", endpoints.post_document, methods=["POST"]),
            Route(f"{container}/docs/{{item}}", endpoints.document, methods=["GET", "PUT", "PATCH", "DELETE"]),
            Route("/{anything:path}", endpoints.management, methods=management),
        ],
        middleware=[Middleware(_WithoutTrailingSlash)],
        exception_handlers={CosmosError: _refused, HTTPException: _not_routed, sqlite3.Error: _failed},
    )


class _Endpoints:
    def __init__(self, guard: Guard, store: ItemStore, name: str, base_url: str) -> None:
        self._guard = guard
        self._store = store
        self._account = name
        self._base_url = base_url.rstrip("/") + "/"

    async def account(self, request: Request) -> Response:
        self._caller(request).require_anywhere(actions.READ_METADATA, "/")
        return responses.answer(json_text.write(account_document(self._account, self._base_url)))

    async def database(self, request: Request) -> Response:
        name = request.path_params["database"]
        self._caller(request).require_anywhere(actions.READ_METADATA, f"dbs/{name}")
        properties = self._store.catalog.database(name)
        if properties is None:
            raise NotFound
        return responses.resource(properties, f"dbs/{properties['id']}")

    async def container(self, request: Request) -> Response:
        container = self._authorized(request, actions.READ_METADATA)
        return responses.resource(container.properties(), container.path)

    async def partition_key_ranges(self, request: Request) -> Response:
        container = self._authorized(request, actions.READ_METADATA)
        etag = '"0"'  # the ranges never change
        if request.headers.get("if-none-match") == etag:
            return responses.answer(None, 304, etag=etag)
        rid, ranges = resource_ids.encode(container.rid), container.partition_key_ranges()
        body = {"_rid": rid, "PartitionKeyRanges": ranges, "_count": len(ranges)}
        return responses.answer(json_text.write(body), etag=etag, x_ms_item_count=str(len(ranges)))

    async def read_feed(self, request: Request) -> Response:
        container = self._authorized(request, actions.READ_CHANGE_FEED)
        if "a-im" in request.headers:
            return feeds.changed(self._store, container, request.headers)
        return feeds.read_all(self._store, container, self._partition(request), request.headers)

    async def post_document(self, request: Request) -> Response:
        """A new item, an upsert, a batch, a query or the plan for one: the headers tell which."""
        headers = request.headers
        if _is_set(headers.get("x-ms-cosmos-is-batch-request")):
            return await self._batch(request)
        if _is_set(headers.get("x-ms-cosmos-is-query-plan-request")):
            self._authorized(request, actions.EXECUTE_QUERY)
            supported = headers.get("x-ms-cosmos-supported-query-features")
            planned = plan.query_plan(feeds.read_query(await _json(request)), supported)
            return responses.answer(json_text.write(planned))
        if _is_set(headers.get("x-ms-documentdb-isquery")) or "query+json" in headers.get("content-type", ""):
            container = self._authorized(request, actions.EXECUTE_QUERY)
            partition = self._partition(request)
            return feeds.queried(self._store, container, partition, headers, await _json(request))
        return await self._create(request, _is_set(headers.get("x-ms-documentdb-is-upsert")))

    async def document(self, request: Request) -> Response:
        action = _ACTION_OF_METHOD[request.method]
        container = self._authorized(request, action)
        items, name = Items(self._store, container), request.path_params["item"]
        partition, conditions = self._required_partition(request), _preconditions(request)
        if action == actions.READ:
            item = items.read(partition, name)
            if conditions.unmodified(item):
                return responses.of_container(container, self._store.lsn(container), None, 304, etag=item.etag)
            return responses.of_item(container, self._store.lsn(container), item)
        if action == actions.DELETE:
            items.delete(partition, name, conditions)
            return responses.of_container(container, self._store.lsn(container), None, 204)
        change = items.replace if request.method == "PUT" else items.patch
        item = change(partition, name, await _json(request), conditions)
        return responses.of_item(container, item.lsn, item, minimal=_wants_minimal(request))

    async def management(self, request: Request) -> NoReturn:
        """Everything else is the control plane's, or nothing."""
        self._caller(request).refuse_management(request.method, request.url.path)

    async def _create(self, request: Request, is_upsert: bool) -> Response:
        container = self._authorized(request, actions.UPSERT if is_upsert else actions.CREATE)
        items, partition = Items(self._store, container), self._required_partition(request)
        document = await _json(request)
        if is_upsert:
            item, is_new = items.upsert(partition, document, _preconditions(request))
        else:
            item, is_new = items.create(partition, document), True
        return responses.of_item(container, item.lsn, item, 201 if is_new else 200, _wants_minimal(request))

    async def _batch(self, request: Request) -> Response:
        caller = self._caller(request)
        caller.authenticate()  # which actions it needs, the body tells
        container = self._container(request)
        partition, items = self._required_partition(request), Items(self._store, container)
        operations, minimal = await _json(request), _wants_minimal(request)
        outcome = batch.run(items, partition, operations, lambda action: caller.require(action, container), minimal)
        status = 200 if outcome.succeeded else 207
        return responses.of_container(container, self._store.lsn(container), outcome.body, status)

    def _caller(self, request: Request) -> Caller:
        return Caller(self._guard, self._account, request.headers.get("authorization"))

    def _authorized(self, request: Request, action: str) -> Container:
        """The container in the path, once the caller is known to hold the action on it."""
        container = self._container(request)
        self._caller(request).require(action, container)
        return container

    def _container(self, request: Request) -> Container:
        """The container in the path. That there is none is told only to who may read the account's metadata."""
        database, name = request.path_params["database"], request.path_params["container"]
        container = self._store.catalog.container(database, name)
        if container is None:
            self._caller(request).require_anywhere(actions.READ_METADATA, f"dbs/{database}/colls/{name}")
            raise NotFound(substatus=1003)
        return container

    def _partition(self, request: Request) -> str | None:
        if "x-ms-start-epk" in request.headers or "x-ms-end-epk" in request.headers:
            raise BadRequest("A range within the partition is not known: name a partition key, or ask across them all.")
        return partition_keys.of_header(request.headers.get("x-ms-documentdb-partitionkey"))

    def _required_partition(self, request: Request) -> str:
        partition = self._partition(request)
        if partition is None:
            raise BadRequest("PartitionKey value must be supplied for this operation.")
        return partition


class _WithoutTrailingSlash:
    """The SDKs end some paths with a slash, and mean the same."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": scope["path"].rstrip("/") or "/"}
        await self._app(scope, receive, send)


async def _json(request: Request) -> Any:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise TooLarge
    try:
        return json_text.parse(bytes(body))
    except ValueError as error:
        raise BadRequest("The request body is not valid JSON.") from error


def _preconditions(request: Request) -> Preconditions:
    return Preconditions(request.headers.get("if-match"), request.headers.get("if-none-match"))


def _wants_minimal(request: Request) -> bool:
    return request.headers.get("prefer", "").lower() == "return=minimal"


def _is_set(header: str | None) -> bool:
    return header is not None and header.lower() == "true"


async def _refused(_: Request, error: Exception) -> Response:
    return responses.refusal(cast(CosmosError, error))


async def _failed(_: Request, error: Exception) -> Response:
    """What a full disk does to a request; any other failure of the database is a fault of this program."""
    if not is_outage(error):
        raise error
    _log.warning("Cosmos DB can store nothing at the moment: %s", error)
    return responses.refusal(Unavailable())


async def _not_routed(_: Request, error: Exception) -> Response:
    routing = cast(HTTPException, error)
    return responses.refusal(CosmosError(routing.status_code, f"{routing.detail}."))


_ACTION_OF_METHOD = {
    "GET": actions.READ,
    "HEAD": actions.READ,
    "PUT": actions.REPLACE,
    "PATCH": actions.REPLACE,
    "DELETE": actions.DELETE,
}
