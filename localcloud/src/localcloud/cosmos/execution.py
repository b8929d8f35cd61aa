"""Runs a query over the items of one partition or of all.

A page's continuation token says where the last row stands in the query's order (its sort keys and its item's sequence
number), so that the next page goes on behind it whatever is written in between. Aggregates and DISTINCT are worked
out as a whole, and their token is only how many rows were given.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from localcloud.cosmos import json_text
from localcloud.cosmos.aggregates import Aggregate
from localcloud.cosmos.errors import BadRequest, QueryError
from localcloud.cosmos.expressions import Expression, Row
from localcloud.cosmos.query import Query
from localcloud.cosmos.sql import parse
from localcloud.cosmos.state import Item
from localcloud.cosmos.values import UNDEFINED, sort_key

Scan = Callable[[int], Iterator[Item]]
"""The items to query, in order of creation, from the one after a sequence number on."""


@dataclass(frozen=True, slots=True)
class Page:
    """`rows` are JSON texts; `continuation` is None where nothing follows."""

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


def run(query: Query, scan: Scan, size: int, token: str | None) -> Page:
    """The page of at most `size` rows behind the token; raises `BadRequest` for a token that is none."""
    try:
        if query.distinct or query.selection.is_aggregate or query.source is None:
            return _page_of_whole(query, scan, size, token)
        return _page(query, scan, size, token)
    except RecursionError as error:
        raise _too_deep() from error


def predicate(text: str) -> Callable[[Any], bool]:
    """Whether a document meets a query's condition, for patches."""
    query = parse(text, {})
    source, where = query.source, query.where
    if source is None or source.joins or where is None:
        raise BadRequest("The condition of a patch reads 'from c where …'.")

    def holds(document: Any) -> bool:
        try:
            return where.evaluate({source.alias: document}) is True
        except RecursionError as error:
            raise _too_deep() from error

    return holds


def _page(query: Query, scan: Scan, size: int, token: str | None) -> Page:
    start, left, offset = _Position(), query.limit, query.offset
    if token is not None:
        start, left = _position(token, len(query.order_by))
        offset = 0
    first = 0 if query.order_by else max(0, start.sequence - 1)
    candidates = _sorted(query, _candidates(query, scan(first)))
    behind = (candidate for candidate in candidates if token is None or _follows(query, candidate.position, start))
    wanted = size if left is None else min(size, left)
    taken = list(islice(behind, offset, offset + wanted + 1))
    more = 0 < wanted < len(taken) and (left is None or left > wanted)
    rows = [row for candidate in taken[:wanted] if (row := _projected(query, candidate)) is not None]
    if not more:
        return Page(rows, None)
    return Page(rows, _token(taken[wanted - 1].position, None if left is None else left - wanted))


def _page_of_whole(query: Query, scan: Scan, size: int, token: str | None) -> Page:
    given = 0 if token is None else _number_in(token)
    whole = replace(query, distinct=False, offset=0, limit=None)
    if query.selection.is_aggregate:
        rows = _aggregated(whole, (candidate.row for candidate in _candidates(whole, scan(0))))
    elif query.source is None:
        row = _projected(query, _Candidate(_Position(), {}, ""))
        rows = [] if row is None else [row]
    else:
        rows = list(dict.fromkeys(_page(whole, scan, 1 << 62, None).rows))
    end = None if query.limit is None else query.offset + query.limit
    rows = rows[query.offset : end]
    page = rows[given : given + size]
    return Page(page, str(given + size) if given + size < len(rows) else None)


def _candidates(query: Query, items: Iterable[Item]) -> Iterator[_Candidate]:
    source, where = query.source, query.where
    if source is None:
        yield _Candidate(_Position(), {}, "")
        return
    for item in items:
        document = json.loads(item.body)
        for number, row in enumerate(_joined({source.alias: document}, source.joins)):
            if where is None or where.evaluate(row) is True:
                values = tuple(key.expression.evaluate(row) for key in query.order_by)
                yield _Candidate(_Position(values, item.sequence, number), row, item.body)


def _joined(row: dict[str, Any], joins: tuple[tuple[str, Expression], ...]) -> Iterator[dict[str, Any]]:
    if not joins:
        yield row
        return
    (alias, array), *others = joins
    elements = array.evaluate(row)
    for element in elements if isinstance(elements, list) else ():
        yield from _joined({**row, alias: element}, tuple(others))


def _projected(query: Query, candidate: _Candidate) -> str | None:
    """The row's JSON; None where a SELECT VALUE is undefined."""
    selection = query.selection
    if selection.is_everything:
        return candidate.body
    values = {
        name: expression.evaluate(candidate.row)
        for name, expression in selection.columns
        if not isinstance(expression, Aggregate)
    }
    return _selected(values, selection.is_value)


def _aggregated(query: Query, rows: Iterable[Row]) -> list[str]:
    columns = {name: column for name, column in query.selection.columns if isinstance(column, Aggregate)}
    values: dict[str, list[Any]] = {name: [] for name in columns}
    for row in rows:
        for name, aggregate in columns.items():
            values[name].append(aggregate.argument.evaluate(row))
    result = _selected({name: columns[name].over(values[name]) for name in columns}, query.selection.is_value)
    return [] if result is None else [result]


def _selected(values: dict[str, Any], is_value: bool) -> str | None:
    defined = {name: value for name, value in values.items() if value is not UNDEFINED}
    if not is_value:
        return json_text.write(defined)
    return json_text.write(next(iter(defined.values()))) if defined else None


def _sorted(query: Query, candidates: Iterator[_Candidate]) -> Iterator[_Candidate]:
    """By the last key first, since Python's sort keeps the order of equal ones; they come by sequence number."""
    if not query.order_by:
        return candidates
    ordered = list(candidates)
    for number, key in reversed(list(enumerate(query.order_by))):
        ordered.sort(key=lambda candidate: sort_key(candidate.position.values[number]), reverse=key.descending)
    return iter(ordered)


def _follows(query: Query, position: _Position, start: _Position) -> bool:
    """Whether a position comes behind another in the query's order."""
    for key, mine, other in zip(query.order_by, position.values, start.values, strict=True):
        mine, other = sort_key(mine), sort_key(other)
        if mine != other:
            return bool(mine < other if key.descending else mine > other)
    return (position.sequence, position.row) > (start.sequence, start.row)


def _token(position: _Position, left: int | None) -> str:
    values = [[] if value is UNDEFINED else [value] for value in position.values]
    return json_text.write([values, position.sequence, position.row, left])


def _position(token: str, sort_keys: int) -> tuple[_Position, int | None]:
    try:
        values, sequence, row, left = json_text.parse(token)
        if len(values) != sort_keys or not isinstance(sequence, int) or not isinstance(row, int):
            raise ValueError
        if left is not None and (not isinstance(left, int) or left < 0):
            raise ValueError
        return _Position(tuple(value[0] if value else UNDEFINED for value in values), sequence, row), left
    except (ValueError, TypeError, KeyError) as error:
        raise _no_token() from error


def _number_in(token: str) -> int:
    if not (token.isascii() and token.isdigit()) or len(token) > 9:
        raise _no_token()
    return int(token)


def _too_deep() -> QueryError:
    return QueryError("SC3030", "The query is nested too deeply.")


def _no_token() -> BadRequest:
    return BadRequest("Invalid Continuation Token")
