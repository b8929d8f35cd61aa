"""Runs a query over the items of one partition or of all, a page at a time.

A page's continuation token says where the last row stands in the query's order (its sort keys and its item's sequence
number), so that the next page goes on behind it whatever is written in between. If the sort keys are too long for a
header, it names the item only, and the next page goes on if that item is still as it was. A query that puts rows
together (aggregates, GROUP BY, DISTINCT, a subquery over the container) is worked out as a whole, and its token is only
how many rows were given.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from localcloud.cosmos import deadline, json_text, pages
from localcloud.cosmos.errors import BadRequest, QueryError
from localcloud.cosmos.evaluation import projected, results, rows
from localcloud.cosmos.expressions import ROOT, Row
from localcloud.cosmos.query import Path, Query
from localcloud.cosmos.sql import parse
from localcloud.cosmos.state import Item
from localcloud.cosmos.subqueries import Nested
from localcloud.cosmos.values import UNDEFINED, is_number, sort_key

_LONGEST_TOKEN = 1024  # bytes: no client may ask for less (`x-ms-documentdb-responsecontinuationtokenlimitinkb`)
_LARGEST_COUNT = 2**60  # of what a token counts

Scan = Callable[[int], Iterator[Item]]
"""The items to query, in order of creation, from the one after a sequence number on."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A page of a query. `rows` are JSON texts; `continuation` is None if nothing follows."""

    rows: list[str]
    continuation: str | None


@dataclass(frozen=True, slots=True)
class _Position:
    """Where a row stands: its sort values, its item's sequence number, its number among the item's rows (JOIN)."""

    values: tuple[Any, ...] = ()
    sequence: int = 0
    row: int = -1


@dataclass(frozen=True, slots=True)
class _Candidate:
    position: _Position
    row: Row
    body: str


def run(query: Query, scan: Scan, size: int, token: str | None) -> Answer:
    """Run the query for the page of at most `size` rows behind the token.

    Raises `BadRequest` for a token that is none.
    """
    try:
        with deadline.limited():
            return _page(query, scan, size, token) if _is_streamed(query) else _page_of_whole(query, scan, size, token)
    except RecursionError as error:
        raise _too_deep() from error


def predicate(text: str) -> Callable[[Any], bool]:
    """Make a test of whether a document meets a query's condition, for patches."""
    query = parse(text, {})
    more = query.order_by or query.limit is not None or len(query.inputs) != 1
    if more or not _is_streamed(query) or query.where is None:
        raise BadRequest("The condition of a patch reads 'from c where …'.")

    def holds(document: Any) -> bool:
        try:
            with deadline.limited():
                return any(True for _ in rows(query, {ROOT: document}))
        except RecursionError as error:
            raise _too_deep() from error

    return holds


def _is_streamed(query: Query) -> bool:
    """Whether each row comes from one item, alone."""
    if query.distinct or query.is_grouped or not query.inputs:
        return False
    return isinstance(query.inputs[0].collection, Path)


def _page(query: Query, scan: Scan, size: int, token: str | None) -> Answer:
    start, left, offset = _Position(), query.limit, query.offset or 0
    if token is not None:
        start, left = _position(query, scan, token)
        offset = 0
    first = 0 if query.order_by else max(0, start.sequence - 1)
    candidates = _sorted(query, _candidates(query, scan(first)))
    behind = (candidate for candidate in candidates if token is None or _follows(query, candidate.position, start))
    within = islice(behind, offset, None if left is None else offset + left)
    page = pages.fill(((one.position, _projected(query, one)) for one in within), size)
    if not page.more or page.last is None:
        return Answer(page.texts, None)
    return Answer(page.texts, _token(page.last, None if left is None else left - page.taken))


def _page_of_whole(query: Query, scan: Scan, size: int, token: str | None) -> Answer:
    given = 0 if token is None else _number_in(token)
    found = _sorted_rows(query, _rows(query, (json.loads(item.body) for item in scan(0))))
    texts = [text for value in results(query, found) if (text := _written(value)) is not None]
    offset = query.offset or 0
    texts = texts[offset : None if query.limit is None else offset + query.limit]
    page = pages.fill(enumerate(texts[given:], given + 1), size)
    return Answer(page.texts, str(page.last) if page.more else None)


def _rows(query: Query, documents: Iterable[Any]) -> Iterator[Row]:
    """Make the rows over all documents. A subquery that they are read by is worked out over all of them, too."""
    if not query.inputs:
        yield from rows(query, {})
        return
    first = query.inputs[0]
    if not isinstance(first.collection, Nested):
        for document in documents:
            yield from rows(query, {ROOT: document})
        return
    inner = first.collection.query
    values = list(results(inner, _rows(inner, documents)))
    yield from rows(query.reading(values), {})


def _candidates(query: Query, items: Iterable[Item]) -> Iterator[_Candidate]:
    for item in items:
        for number, row in enumerate(rows(query, {ROOT: json.loads(item.body)})):
            values = tuple(key.expression.evaluate(row) for key in query.order_by)
            yield _Candidate(_Position(values, item.sequence, number), row, item.body)


def _projected(query: Query, candidate: _Candidate) -> str | None:
    """Write the row's JSON; None if a SELECT VALUE is undefined. A whole item is its stored text."""
    value = projected(query, candidate.row)
    return candidate.body if value is candidate.row[ROOT] else _written(value)


def _written(value: Any) -> str | None:
    """Write the JSON of a value; None for undefined. What JSON has no number for, NaN and infinity, is undefined."""
    if value is UNDEFINED:
        return None
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return _written(_finite(value))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        members = ((name, _finite(member)) for name, member in value.items())
        return {name: member for name, member in members if member is not UNDEFINED}
    if isinstance(value, list):
        return [element for element in map(_finite, value) if element is not UNDEFINED]
    return UNDEFINED if is_number(value) and not math.isfinite(value) else value


def _sorted(query: Query, candidates: Iterator[_Candidate]) -> Iterator[_Candidate]:
    """Sort by the last key first, since Python's sort keeps the order of equal ones."""
    if not query.order_by:
        return candidates
    ordered = sorted(candidates, key=lambda candidate: _place(query, candidate.position))
    for number, key in reversed(list(enumerate(query.order_by))):
        ordered.sort(key=lambda candidate: sort_key(candidate.position.values[number]), reverse=key.descending)
    return iter(ordered)


def _sorted_rows(query: Query, found: Iterator[Row]) -> Iterable[Row]:
    if not query.order_by:
        return found
    ordered = list(found)
    for key in reversed(query.order_by):
        ordered.sort(key=lambda row: sort_key(key.expression.evaluate(row)), reverse=key.descending)
    return ordered


def _place(query: Query, position: _Position) -> tuple[int, int]:
    """Order rows whose sort keys are equal: by item, backward if the first key is descending.

    Clients rely on it when they resume a query across partitions,
    https://github.com/Azure/azure-cosmos-dotnet-v3/blob/master/Microsoft.Azure.Cosmos/src/Query/Core/Pipeline/CrossPartition/OrderBy/OrderByCrossPartitionQueryPipelineStage.cs
    """
    return (-position.sequence if query.is_reversed else position.sequence), position.row


def _follows(query: Query, position: _Position, start: _Position) -> bool:
    """Whether a position comes behind another in the query's order."""
    for key, mine, other in zip(query.order_by, position.values, start.values, strict=True):
        mine, other = sort_key(mine), sort_key(other)
        if mine != other:
            return bool(mine < other if key.descending else mine > other)
    return _place(query, position) > _place(query, start)


def _token(position: _Position, left: int | None) -> str:
    """Write a token that fits into a header. Long sort values are left out: the next page asks the item for them."""
    values = [[] if value is UNDEFINED else [value] for value in position.values]
    token = json_text.write([values, position.sequence, position.row, left])
    return token if len(token) <= _LONGEST_TOKEN else json_text.write([None, position.sequence, position.row, left])


def _position(query: Query, scan: Scan, token: str) -> tuple[_Position, int | None]:
    try:
        values, sequence, row, left = json_text.parse(token)
        if not all(isinstance(number, int) and abs(number) < _LARGEST_COUNT for number in (sequence, row, left or 0)):
            raise ValueError
        if left is not None and left < 0:
            raise ValueError
        if values is None:
            return _position_of(query, scan, sequence, row), left
        if len(values) != len(query.order_by):
            raise ValueError
        return _Position(tuple(value[0] if value else UNDEFINED for value in values), sequence, row), left
    except (ValueError, TypeError, KeyError) as error:
        raise _no_token() from error


def _position_of(query: Query, scan: Scan, sequence: int, row: int) -> _Position:
    """Find the position of a row; raises `ValueError` if its item was written or deleted in between."""
    items = (item for item in islice(scan(sequence - 1), 1) if item.sequence == sequence)
    for candidate in _candidates(query, items):
        if candidate.position.row == row:
            return candidate.position
    raise ValueError


def _number_in(token: str) -> int:
    if not (token.isascii() and token.isdigit()) or len(token) > 9:
        raise _no_token()
    return int(token)


def _too_deep() -> QueryError:
    return QueryError(None, "The query is nested too deeply.")


def _no_token() -> BadRequest:
    return BadRequest("Invalid Continuation Token")
