"""Reading many items: by a query, all of them, or those that changed.

https://learn.microsoft.com/rest/api/cosmos-db/query-documents
"""

from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from starlette.responses import Response

from localcloud.cosmos import execution, json_text, pages, plan, responses
from localcloud.cosmos.containers import ItemContainer
from localcloud.cosmos.errors import BadRequest, NotServable
from localcloud.cosmos.feed_ranges import EVERYTHING, FeedRange
from localcloud.cosmos.query import Query
from localcloud.cosmos.query_metrics import QueryMetrics
from localcloud.cosmos.sql import parse
from localcloud.cosmos.state import Item, ItemStore


def queried(
    store: ItemStore, container: ItemContainer, part: FeedRange, headers: Mapping[str, str], body: Any
) -> Response:
    """Answer a page of a query's rows."""
    metrics = QueryMetrics()
    asked = read_query(body)
    metrics.compiled()
    if part == EVERYTHING and "x-ms-documentdb-partitionkeyrangeid" not in headers:
        _check_served_by_gateway(asked, container, headers)
    scan = metrics.counting(_scan(store, container, part))
    page = execution.run(asked, scan, pages.size(headers), headers.get("x-ms-continuation"))
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
    """Tell how rows with equal sort keys are ordered, for a client that resumes the query behind one of them."""
    return json_text.write({"reverseRidEnabled": False, "reverseIndexScan": asked.is_reversed})


def _check_served_by_gateway(asked: Query, container: ItemContainer, headers: Mapping[str, str]) -> None:
    """Raise `BadRequest` for a query across partitions that its client does not allow, or has to put together.

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
    """Read `{"query": …, "parameters": [{"name": …, "value": …}]}`; raises `BadRequest`."""
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


def read_all(store: ItemStore, container: ItemContainer, part: FeedRange, headers: Mapping[str, str]) -> Response:
    """Answer a page of all items. Its continuation is the last one's sequence number: it survives writes in between."""
    after = _whole_number(headers.get("x-ms-continuation", "0"))
    items = ((item.sequence, item.body) for item in store.scan(container, part, after))
    page = pages.fill(items, pages.size(headers))
    more = str(page.last) if page.more else None
    return responses.feed(container, store.lsn(container), page.texts, x_ms_continuation=more)


def changed(store: ItemStore, container: ItemContainer, part: FeedRange, headers: Mapping[str, str]) -> Response:
    """Answer a page of the change feed, latest versions only; 304 at its end. The next page begins at the etag.

    https://learn.microsoft.com/azure/cosmos-db/nosql/change-feed-design-patterns
    """
    if headers["a-im"].lower() != "incremental feed":
        raise BadRequest(
            f"The change feed is known in its latest-version mode only, A-IM: Incremental Feed, not as "
            f"'{headers['a-im'][:100]}': all versions and deletes need continuous backup, which the account has not."
        )
    start = headers.get("if-none-match", "").strip('"')
    latest = store.lsn(container)
    after = latest if start == "*" else _whole_number(start or "0")
    changes = store.changes(container, part, after, _since(headers))
    page = pages.fill(
        ((item.lsn, f'{item.body[:-1]},"_lsn":{item.lsn}}}') for item in changes),
        pages.size(headers),
    )
    if page.last is None:
        return responses.of_container(container, latest, None, 304, etag=f'"{max(after, latest)}"')
    return responses.feed(container, latest, page.texts, etag=f'"{page.last}"')


def _scan(store: ItemStore, container: ItemContainer, part: FeedRange) -> Callable[[int], Iterator[Item]]:
    return lambda after: store.scan(container, part, after)


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise BadRequest("Invalid Continuation Token")
    return int(text)


def _since(headers: Mapping[str, str]) -> float:
    text = headers.get("if-modified-since")
    if text is None:
        return 0
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError) as error:
        raise BadRequest("The If-Modified-Since header is not a date of HTTP.") from error
