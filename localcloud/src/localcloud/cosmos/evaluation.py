"""Works out the rows of a query, and what its SELECT makes of them.

The same for a query over a container's items and for one inside another, which knows the outer row's aliases.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from localcloud.cosmos import aggregates, deadline
from localcloud.cosmos.expressions import Row
from localcloud.cosmos.query import Input, Query
from localcloud.cosmos.values import UNDEFINED, identity

_OF_ONE_INPUT = 2
"""The values in a row that comes from one input: the document, and what the alias stands for. With more of them, as by
JOIN and in a subquery, a document may make any number of rows."""


def rows(query: Query, start: Row) -> Iterator[Row]:
    """Combine the inputs' values, and keep the rows that meet the condition. Each has what is in `start`, too."""
    for row in _joined(start, query.inputs):
        if len(row) > _OF_ONE_INPUT:
            deadline.check()
        if query.where is None or query.where.evaluate(row) is True:
            yield row


def results(query: Query, found: Iterable[Row]) -> Iterator[Any]:
    """Select the query's values from these rows, each once with DISTINCT. Undefined is left out."""
    values = (projected(query, row) for row in (_groups(query, found) if query.is_grouped else found))
    defined = (value for value in values if value is not UNDEFINED)
    return _distinct(defined) if query.distinct else defined


def projected(query: Query, row: Row) -> Any:
    """Make of one row what SELECT says; undefined if a SELECT VALUE is."""
    selection = query.selection
    if selection.is_everything:
        return row[query.inputs[0].alias]
    if selection.is_value:
        return selection.columns[0].expression.evaluate(row)
    values = ((column.name, column.expression.evaluate(row)) for column in selection.columns)
    return {name: value for name, value in values if value is not UNDEFINED}


def _joined(row: Row, inputs: tuple[Input, ...]) -> Iterator[Row]:
    if not inputs:
        yield row
        return
    first, *others = inputs
    for value in first.values(row):
        yield from _joined({**row, first.alias: value}, tuple(others))


def _groups(query: Query, found: Iterable[Row]) -> Iterator[Row]:
    """Make one row of each group: its first row, with the values of the aggregates.

    Without GROUP BY all are one group.
    """
    wanted = query.selection.aggregates
    groups: dict[Any, tuple[Row, list[list[Any]]]] = {} if query.group_by else {(): ({}, [[] for _ in wanted])}
    for row in found:
        key = tuple(identity(key.expression.evaluate(row)) for key in query.group_by)
        first, values = groups.get(key) or ({}, [[] for _ in wanted])
        groups[key] = (first or row, values)
        for aggregate, of_aggregate in zip(wanted, values, strict=True):
            of_aggregate.append(aggregate.argument.evaluate(row))
    for first, values in groups.values():
        computed: dict[object, Any] = {
            aggregate: aggregates.compute(aggregate.function, of_aggregate)
            for aggregate, of_aggregate in zip(wanted, values, strict=True)
        }
        yield {**first, **computed}


def _distinct(values: Iterator[Any]) -> Iterator[Any]:
    known = set()
    for value in values:
        key = identity(value)
        if key not in known:
            known.add(key)
            yield value
