"""The query plan: what a client has to do itself for a query across partitions, and what it sends to each of them.

A client asks for it with `x-ms-cosmos-is-query-plan-request`. It then puts together what the partitions answer to the
rewritten query. The plans are those that Microsoft's own tests record:
https://github.com/Azure/azure-cosmos-dotnet-v3/tree/master/Microsoft.Azure.Cosmos/tests/Microsoft.Azure.Cosmos.Tests/BaselineTest/TestBaseline
(`QueryPlanBaselineTests.*.xml`).
"""

import json
from typing import Any

from localcloud.cosmos.errors import BadRequest
from localcloud.cosmos.expressions import AggregateCall
from localcloud.cosmos.query import Column, Query

_OPERATORS = {"COUNT": "Count", "SUM": "Sum", "AVG": "Average", "MIN": "Min", "MAX": "Max"}
_RESUMING = "{documentdb-formattableorderbyquery-filter}"
"""Where a client puts its own condition, to go on behind the last row of a sorted page."""


def query_plan(query: Query, supported: str | None = None) -> dict[str, Any]:
    """Make the plan for a client that names the features it supports.

    Raises `BadRequest` if the query needs another.
    """
    selection = query.selection
    if any(column.aggregates and not isinstance(column.expression, AggregateCall) for column in selection.columns):
        raise _refusal("Compositions of aggregates and other expressions are not allowed.")
    if supported is not None:
        _check_support(query, {feature.strip() for feature in supported.split(",")})
    operators = {column.name: _operator(column) for column in selection.columns} if query.is_grouped else {}
    of_value = [operator for operator in operators.values() if operator] if selection.is_value else []
    by_alias = {} if selection.is_value else operators
    return {
        "partitionedQueryExecutionInfoVersion": 2,
        "queryInfo": {
            "distinctType": _distinct_type(query),
            "top": query.limit if query.offset is None else None,
            "offset": query.offset,
            "limit": query.limit if query.offset is not None else None,
            "orderBy": ["Descending" if key.descending else "Ascending" for key in query.order_by],
            "orderByExpressions": [key.text for key in query.order_by],
            "groupByExpressions": [key.text for key in query.group_by],
            "groupByAliases": list(by_alias),
            "aggregates": of_value,
            "groupByAliasToAggregateType": by_alias,
            "rewrittenQuery": _rewritten(query),
            "hasSelectValue": selection.is_value,
            "hasNonStreamingOrderBy": False,
        },
        "queryRanges": [{"min": "", "max": "FF", "isMinInclusive": True, "isMaxInclusive": False}],
    }


def needs_client(query: Query) -> bool:
    """Whether a query across partitions is more than the rows of each, one after the other."""
    return bool(query.is_grouped or query.distinct or query.order_by or query.limit is not None)


def _check_support(query: Query, supported: set[str]) -> None:
    needed = {
        "GroupBy": bool(query.group_by),
        "Distinct": query.distinct,
        "OrderBy": bool(query.order_by),
        "MultipleOrderBy": len(query.order_by) > 1,
        "OffsetAndLimit": query.offset is not None,
        "Top": query.limit is not None and query.offset is None,
        "Aggregate": bool(query.selection.aggregates) and query.selection.is_value,
    }
    for feature, is_needed in needed.items():
        if is_needed and feature not in supported:
            raise _refusal(f"Query contained {feature}, which the calling client does not support.")
    if query.selection.aggregates and not query.selection.is_value and "NonValueAggregate" not in supported:
        raise _refusal("Cross partition query only supports 'VALUE <AggregateFunc>' for aggregates.")


def _refusal(message: str) -> BadRequest:
    return BadRequest("Message: " + json.dumps({"Errors": [message]}, separators=(",", ":")))


def _distinct_type(query: Query) -> str:
    """Ordered if equal rows come one after the other, so that the client need remember the last one only."""
    if not query.distinct:
        return "None"
    selected = [column.text for column in query.selection.columns]
    return "Ordered" if query.order_by and selected == [key.text for key in query.order_by] else "Unordered"


def _operator(column: Column) -> str | None:
    return _OPERATORS[column.expression.function] if isinstance(column.expression, AggregateCall) else None


def _rewritten(query: Query) -> str:
    """Write the query to send to each partition; empty if it is the query as it is."""
    window = "" if query.distinct or query.is_grouped else _window(query)
    if query.group_by:
        keys = ", ".join(f'{{"item": {key.text}}}' for key in query.group_by)
        grouping = f"\nGROUP BY {', '.join(key.text for key in query.group_by)}"
        return f"SELECT [{keys}] AS groupByItems, {_payload(query)} AS payload{_reading(query)}{grouping}"
    if query.is_grouped:
        if query.selection.is_value:
            return f"SELECT VALUE {_payload(query)}{_reading(query)}"
        return f"SELECT {_payload(query)} AS payload{_reading(query)}"
    if query.order_by:
        return _sorted(query, window)
    if query.distinct and query.limit is not None:
        return f"SELECT DISTINCT {query.clauses.selection}{_reading(query)}"
    if query.offset is not None:
        return f"SELECT {query.clauses.selection}{_reading(query)}{window}"
    return ""


def _sorted(query: Query, window: str) -> str:
    """Write the query for rows with their sort keys.

    DISTINCT is left to the client, so that it can resume behind any row.
    """
    alias = query.inputs[0].alias
    keys = ", ".join(f'{{"item": {key.text}}}' for key in query.order_by)
    top = f"TOP {query.limit} " if query.limit is not None and query.offset is None and not query.distinct else ""
    resuming = f"({_RESUMING})"
    if query.selection.is_value:
        resuming = f"({resuming} AND IS_DEFINED({query.selection.columns[0].text}))"
    order = ", ".join(f"{key.text}{' DESC' if key.descending else ''}" for key in query.order_by)
    return (
        f"SELECT {top}{alias}._rid, [{keys}] AS orderByItems, {_payload(query)} AS payload"
        f"{_reading(query, resuming)}\nORDER BY {order}{window}"
    )


def _window(query: Query) -> str:
    """Limit the rows of a partition to those that may be among the first ones of all."""
    return "" if query.offset is None else f"\nOFFSET 0 LIMIT {query.offset + (query.limit or 0)}"


def _reading(query: Query, condition: str = "") -> str:
    """Write FROM and WHERE, with a further condition."""
    clauses = query.clauses
    both = [f"({clauses.where})"] if clauses.where else []
    both += [condition] if condition else []
    where = f"({' AND '.join(both)})" if len(both) > 1 else "".join(both)
    return (f"\nFROM {clauses.source}" if clauses.source else "") + (f"\nWHERE {where}" if where else "")


def _payload(query: Query) -> str:
    """Write what a row is, with the parts that an aggregate is put together from in the place of the aggregate."""
    selection = query.selection
    if selection.is_everything:
        return query.inputs[0].alias
    if selection.is_value:
        (column,) = selection.columns
        return f"[{_item(column)}]" if column.aggregates else column.text
    return "{" + ", ".join(f"{json.dumps(column.name)}: {_item(column)}" for column in selection.columns) + "}"


def _item(column: Column) -> str:
    if not isinstance(column.expression, AggregateCall):
        return column.text
    function, argument = column.expression.function, column.expression.text
    whole = f"{function}({argument})"
    if function == "AVG":
        return f'{{"item": {{"sum": SUM({argument}), "count": COUNT({argument})}}}}'
    if function in ("MIN", "MAX"):
        parts = f'{{"{function.lower()}": {whole}, "count": COUNT({argument})}}'
        return f'{{"item": {whole}, "item2": {parts}}}'
    return f'{{"item": {whole}}}'
