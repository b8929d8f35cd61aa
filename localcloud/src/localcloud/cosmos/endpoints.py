"""What the account answers to each request of the data plane, once its caller is known to be allowed to ask.

The order of the questions is that of `docs/cosmos.md`.
"""

from typing import NoReturn

from starlette.requests import Request
from starlette.responses import Response

from localcloud.authorization.guard import Guard
from localcloud.cosmos import (
    actions,
    batch,
    bodies,
    consistency,
    feed_ranges,
    feeds,
    hybrid_row,
    hybrid_row_batches,
    json_text,
    partition_keys,
    plan,
    responses,
)
from localcloud.cosmos.account import account_document
from localcloud.cosmos.authorization import WHOLE_ACCOUNT, Caller
from localcloud.cosmos.containers import ItemContainer
from localcloud.cosmos.errors import BadRequest, NotFound, PartitionKeyMismatch
from localcloud.cosmos.items import Items, Preconditions
from localcloud.cosmos.state import ItemStore


class Endpoints:
    """One account. `base_url` is its own, such as `https://contoso.documents.azure.com/`."""

    def __init__(self, guard: Guard, store: ItemStore, name: str, base_url: str) -> None:
        self._guard = guard
        self._store = store
        self._account = name
        self._base_url = base_url.rstrip("/") + "/"

    async def account(self, request: Request) -> Response:
        self._caller(request).require_anywhere(actions.READ_METADATA, "/")
        return responses.answer(json_text.write(account_document(self._account, self._base_url)))

    async def addresses(self, request: Request) -> NoReturn:
        """Refuse to name the replicas, whose addresses a client in direct mode asks for."""
        self._caller(request).require_anywhere(actions.READ_METADATA, request.url.path)
        raise BadRequest(
            "The local account has no replicas that a client in direct mode could connect to. Use gateway mode: "
            "ConnectionMode.Gateway in .NET, CosmosClientBuilder.gatewayMode() in Java."
        )

    async def databases(self, request: Request) -> Response:
        self._caller(request).require(actions.READ_METADATA, WHOLE_ACCOUNT, "/")
        return responses.list_of("Databases", self._store.catalog.databases())

    async def database(self, request: Request) -> Response:
        name = request.path_params["database"]
        self._caller(request).require_anywhere(actions.READ_METADATA, f"dbs/{name}")
        properties = self._store.catalog.database(name)
        if properties is None:
            raise NotFound
        return responses.resource(properties)

    async def containers(self, request: Request) -> Response:
        name = request.path_params["database"]
        self._caller(request).require(actions.READ_METADATA, WHOLE_ACCOUNT, f"dbs/{name}")
        database = self._store.catalog.database(name)
        if database is None:
            raise NotFound
        found = [container.properties() for container in self._store.catalog.containers_of(database["id"])]
        return responses.list_of("DocumentCollections", found, database["_rid"], f"dbs/{database['id']}")

    async def container(self, request: Request) -> Response:
        container = self._authorized(request, actions.READ_METADATA)
        return responses.resource(container.properties(), f"dbs/{container.database}", container.rid[:4])

    async def partition_key_ranges(self, request: Request) -> Response:
        container = self._authorized(request, actions.READ_METADATA)
        etag = '"0"'  # the ranges never change
        if request.headers.get("if-none-match") == etag:
            return responses.answer(None, 304, etag=etag)
        return responses.list_of(
            "PartitionKeyRanges", [container.partition_key_range], container.encoded_rid, container.path, etag=etag
        )

    async def read_feed(self, request: Request) -> Response:
        """List all documents, or with an `A-IM` header those that changed."""
        container = self._authorized(request, actions.READ_CHANGE_FEED)
        part = self._part_to_read(request, container)
        read = feeds.changed if "a-im" in request.headers else feeds.read_all
        return read(self._store, container, part, request.headers)

    async def post_document(self, request: Request) -> Response:
        """Create, upsert, do a batch, query or plan a query: the headers tell which."""
        headers = request.headers
        if _is_set(headers.get("x-ms-cosmos-is-batch-request")):
            return await self._batch(request)
        if _is_set(headers.get("x-ms-cosmos-is-query-plan-request")):
            self._authorized(request, actions.EXECUTE_QUERY)
            supported = headers.get("x-ms-cosmos-supported-query-features")
            planned = plan.query_plan(feeds.read_query(await bodies.read_json(request)), supported)
            return responses.answer(json_text.write(planned))
        if _is_set(headers.get("x-ms-documentdb-isquery")) or "query+json" in headers.get("content-type", ""):
            container = self._authorized(request, actions.EXECUTE_QUERY)
            part = self._part_to_read(request, container)
            return feeds.queried(self._store, container, part, headers, await bodies.read_json(request))
        return await self._create(request, _is_set(headers.get("x-ms-documentdb-is-upsert")))

    async def document(self, request: Request) -> Response:
        action = _ACTION_OF_METHOD[request.method]
        container = self._authorized(request, action)
        items, name = Items(self._store, container), request.path_params["item"]
        key, conditions = _key(request, container), _preconditions(request)
        if action == actions.READ:
            consistency.check_session(request.headers, self._store.lsn(container))
            item = items.read(key, name)
            if conditions.unmodified(item):
                return responses.of_container(container, self._store.lsn(container), None, 304, etag=item.etag)
            return responses.of_item(container, self._store.lsn(container), item)
        _check_triggers(request)
        if action == actions.DELETE:
            items.delete(key, name, conditions)
            return responses.of_container(container, self._store.lsn(container), None, 204)
        change = items.replace if request.method == "PUT" else items.patch
        item = change(key, name, await bodies.read_json(request), conditions)
        return responses.of_item(container, item.lsn, item, minimal=_wants_minimal(request))

    async def conflicts(self, request: Request) -> Response:
        """List the conflicts of writes in several regions: with one region there are none."""
        container = self._authorized(request, actions.MANAGE_CONFLICTS)
        return responses.feed(container, self._store.lsn(container), [], "Conflicts")

    async def conflict(self, request: Request) -> NoReturn:
        self._authorized(request, actions.MANAGE_CONFLICTS)
        raise NotFound

    async def stored_procedure(self, request: Request) -> NoReturn:
        self._authorized(request, actions.EXECUTE_STORED_PROCEDURE)
        raise BadRequest("The local cloud runs no JavaScript: stored procedures are not there.")

    async def management(self, request: Request) -> NoReturn:
        """Refuse everything else, which is the control plane's or nothing."""
        self._caller(request).refuse_management(request.method, request.url.path)

    async def _create(self, request: Request, is_upsert: bool) -> Response:
        container = self._authorized(request, actions.UPSERT if is_upsert else actions.CREATE)
        items, key = Items(self._store, container), _key(request, container)
        _check_triggers(request)
        document = await bodies.read_json(request)
        if is_upsert:
            item, is_new = items.upsert(key, document, _preconditions(request))
        else:
            item, is_new = items.create(key, document), True
        return responses.of_item(container, item.lsn, item, 201 if is_new else 200, _wants_minimal(request))

    async def _batch(self, request: Request) -> Response:
        """Do a transactional batch, or a bulk: operations of many keys, each by itself."""
        caller = self._caller(request)
        caller.authenticate()  # which actions it needs, the body tells
        container = self._container(request)
        consistency.check_level(request.headers)
        body = await bodies.read(request)
        is_binary = hybrid_row.is_hybrid_row(body)
        given = hybrid_row_batches.read_operations(body) if is_binary else bodies.parse(body)
        operations = batch.read(given, _wants_minimal(request))
        for action in dict.fromkeys(operation.action for operation in operations):
            caller.require(action, container.scope, container.path)
        items = Items(self._store, container)
        feed_ranges.check_range_id(request.headers, container)
        if request.headers.get("x-ms-cosmos-batch-atomic", "").lower() == "false":
            goes_on = _is_set(request.headers.get("x-ms-cosmos-batch-continue-on-error"))
            outcome = batch.run_bulk(items, operations, goes_on)
        else:
            outcome = batch.run_transactional(items, _key(request, container), operations)
        answer = hybrid_row_batches.write_results(outcome.results) if is_binary else outcome.json
        status = 200 if outcome.succeeded else 207
        return responses.of_container(container, self._store.lsn(container), answer, status)

    def _caller(self, request: Request) -> Caller:
        return Caller(self._guard, self._account, request.headers.get("authorization"))

    def _authorized(self, request: Request, action: str) -> ItemContainer:
        """Get the container in the path, once the caller is known to hold the action on it."""
        container = self._container(request)
        self._caller(request).require(action, container.scope, container.path)
        consistency.check_level(request.headers)
        return container

    def _container(self, request: Request) -> ItemContainer:
        """Get the container in the path.

        Only a caller that may read the account's metadata is told that there is none.
        """
        database, name = request.path_params["database"], request.path_params["container"]
        container = self._store.catalog.container(database, name)
        if container is None:
            self._caller(request).require_anywhere(actions.READ_METADATA, f"dbs/{database}/colls/{name}")
            raise NotFound(substatus=1003)
        return container

    def _part_to_read(self, request: Request, container: ItemContainer) -> feed_ranges.FeedRange:
        part = feed_ranges.of_headers(request.headers, container)
        consistency.check_session(request.headers, self._store.lsn(container))
        return part


def _key(request: Request, container: ItemContainer) -> str:
    """Get the partition key that the request names; raises `BadRequest` unless it has all its values."""
    values = feed_ranges.key_values(request.headers, container)
    if values is None:
        raise BadRequest("PartitionKey value must be supplied for this operation.")
    if len(values) < container.levels:
        raise PartitionKeyMismatch
    return partition_keys.join(values)


def _check_triggers(request: Request) -> None:
    for when in ("pre", "post"):
        if request.headers.get(f"x-ms-documentdb-{when}-trigger-include"):
            raise BadRequest("The local cloud runs no JavaScript: triggers are not there.")


def _preconditions(request: Request) -> Preconditions:
    return Preconditions(request.headers.get("if-match"), request.headers.get("if-none-match"))


def _wants_minimal(request: Request) -> bool:
    return request.headers.get("prefer", "").lower() == "return=minimal"


def _is_set(header: str | None) -> bool:
    return header is not None and header.lower() == "true"


_ACTION_OF_METHOD = {
    "GET": actions.READ,
    "HEAD": actions.READ,
    "PUT": actions.REPLACE,
    "PATCH": actions.REPLACE,
    "DELETE": actions.DELETE,
}
