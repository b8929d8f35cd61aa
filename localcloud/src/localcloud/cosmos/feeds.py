"""Reading many items: by a query, all of them, or those that changed.

https://learn.microsoft.com/rest/api/cosmos-db/query-documents
"""

from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any

from starlette.responses import Response

from localcloud.cosmos import execution, json_text, plan, responses
from localcloud.cosmos.containers import Container
from localcloud.cosmos.errors import BadRequest, NotServable
from localcloud.cosmos.query import Query
from localcloud.cosmos.query_metrics import QueryMetrics
from localcloud.cosmos.sql import parse
from localcloud.cosmos.state import Item, ItemStore

_DEFAULT_PAGE = 100
_DYNAMIC_PAGE = 1000  # for a page size of -1, "as many as fit"


def queried(
    store: ItemStore, container: Container, partition: str | None, headers: Mapping[str, str], body: Any
) -> Response:
    """A page of a query's rows."""
    metrics = QueryMetrics()
    asked = read_query(body)
    metrics.compiled()
    if partition is None and "x-ms-documentdb-partitionkeyrangeid" not in headers:
        _check_served_by_gateway(asked, container, headers)
    scan = metrics.counting(_scan(store, container, partition))
    page = execution.run(asked, scan, _page_size(headers), _continuation(headers))
    wants_metrics = headers.get("x-ms-documentdb-populatequerymetrics", "").lower() == "true"
    return responses.feed(
        container,
        store.lsn(container),
        page.rows,
        x_ms_continuation=page.continuation,
        x_ms_documentdb_query_metrics=metrics.header(page.rows) if wants_metrics else None,
        x_ms_cosmos_query_execution_info=_execution_info(asked) if asked.order_by else None,
    )


def _execution_info(asked: Query) -> str:
    """How rows with equal sort keys are ordered, for a client that resumes the query behind one of them."""
    return json_text.write({"reverseRidEnabled": False, "reverseIndexScan": asked.is_reversed})


def _check_served_by_gateway(asked: Query, container: Container, headers: Mapping[str, str]) -> None:
    """Raises `BadRequest` for a query across partitions that its client does not allow, or has to put together.

    https://learn.microsoft.com/rest/api/cosmos-db/querying-cosmosdb-resources-using-the-rest-api
    """
    if asked.names_partition(container.partition_key):
        return
    if headers.get("x-ms-documentdb-query-enablecrosspartition", "").lower() != "true":
        raise BadRequest(
            "Cross partition query is required but disabled. Please set x-ms-documentdb-query-enablecrosspartition "
            "to true, specify x-ms-documentdb-partitionkey, or revise your query to avoid this exception."
        )
    if plan.needs_client(asked):
        raise NotServable(json_text.write(plan.query_plan(asked)))


def read_query(body: Any) -> Query:
    """Reads `{"query": …, "parameters": [{"name": …, "value": …}]}`; raises `BadRequest`."""
    text = body.get("query") if isinstance(body, dict) else None
    parameters = (body.get("parameters") or []) if isinstance(body, dict) else []
    if not isinstance(text, str) or not isinstance(parameters, list):
        raise BadRequest('The request body is not a query: {"query": "…", "parameters": […]}.')
    values = {}
    for parameter in parameters:
        if not isinstance(parameter, dict) or not isinstance(parameter.get("name"), str) or "value" not in parameter:
            raise BadRequest("A query's parameter has a name, which begins with '@', and a value.")
        values[parameter["name"]] = parameter["value"]
    return parse(text, values)


def read_all(store: ItemStore, container: Container, partition: str | None, headers: Mapping[str, str]) -> Response:
    """A page of all items. Its continuation is the last one's sequence number: it survives writes in between."""
    size, after = _page_size(headers), _whole_number(_continuation(headers) or "0")
    items = list(islice(store.scan(container, partition, after), size + 1))
    more = str(items[size - 1].sequence) if len(items) > size else None
    rows = (item.body for item in items[:size])
    return responses.feed(container, store.lsn(container), rows, x_ms_continuation=more)


def changed(store: ItemStore, container: Container, headers: Mapping[str, str]) -> Response:
    """A page of the change feed, latest versions only; 304 at its end. The etag is where the next page begins.

    https://learn.microsoft.com/azure/cosmos-db/nosql/change-feed-design-patterns
    """
    if headers["a-im"].lower() != "incremental feed":
        raise BadRequest("The change feed is known in its latest-version mode only: A-IM: Incremental Feed.")
    if "x-ms-start-epk" in headers or "x-ms-documentdb-partitionkey" in headers:
        raise BadRequest("The change feed is known for a whole container only, not for a part of it.")
    start = headers.get("if-none-match", "").strip('"')
    latest = store.lsn(container)
    after = latest if start == "*" else _whole_number(start or "0")
    found = store.changes(container, after, _since(headers), _page_size(headers))
    if not found:
        return responses.of_container(container, latest, None, 304, etag=f'"{max(after, latest)}"')
    rows = (f'{item.body[:-1]},"_lsn":{item.lsn}}}' for item in found)
    return responses.feed(container, latest, rows, etag=f'"{found[-1].lsn}"')


def _scan(store: ItemStore, container: Container, partition: str | None) -> Callable[[int], Iterator[Item]]:
    return lambda after: store.scan(container, partition, after)


def _continuation(headers: Mapping[str, str]) -> str | None:
    """Where the page begins; an empty one, which the Java client sends, is none."""
    return headers.get("x-ms-continuation") or None


def _page_size(headers: Mapping[str, str]) -> int:
    text = headers.get("x-ms-max-item-count", str(_DEFAULT_PAGE))
    if text == "-1":
        return _DYNAMIC_PAGE
    size = _whole_number(text, "The value of x-ms-max-item-count is invalid.")
    if size == 0:
        raise BadRequest("The value of x-ms-max-item-count is invalid.")
    return size


def _whole_number(text: str, complaint: str = "Invalid Continuation Token") -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise BadRequest(complaint)
    return int(text)


def _since(headers: Mapping[str, str]) -> float:
    text = headers.get("if-modified-since")
    if text is None:
        return 0
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError) as error:
        raise BadRequest("The If-Modified-Since header is not a date of HTTP.") from error
