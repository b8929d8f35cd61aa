"""The query plan says what a client does itself, and what it asks of each partition.

The forms are those that Microsoft records of the service:
https://github.com/Azure/azure-cosmos-dotnet-v3/tree/master/Microsoft.Azure.Cosmos/tests/Microsoft.Azure.Cosmos.Tests/BaselineTest/TestBaseline
"""
# ruff: noqa: E501, S608 (a row of a table is one line, and the queries are what is tested)

import json
from typing import Any

import pytest
from harness.cosmos import run
from localcloud.cosmos.errors import BadRequest
from localcloud.cosmos.plan import query_plan
from localcloud.cosmos.sql import parse

NOTHING: dict[str, Any] = {
    "distinctType": "None",
    "top": None,
    "offset": None,
    "limit": None,
    "orderBy": [],
    "orderByExpressions": [],
    "groupByExpressions": [],
    "groupByAliases": [],
    "aggregates": [],
    "groupByAliasToAggregateType": {},
    "hasSelectValue": False,
    "hasNonStreamingOrderBy": False,
    "rewrittenQuery": "",
}
FILTER = "{documentdb-formattableorderbyquery-filter}"
MIN = '{"item": MIN(c.n), "item2": {"min": MIN(c.n), "count": COUNT(c.n)}}'
MAX = '{"item": MAX(c.n), "item2": {"max": MAX(c.n), "count": COUNT(c.n)}}'
AVG = '{"item": {"sum": SUM(c.n), "count": COUNT(c.n)}}'
VALUE = {"hasSelectValue": True}


def by(*paths: str, descending: tuple[str, ...] = ()) -> dict[str, Any]:
    """The part of a plan that tells the order."""
    order = ["Descending" if path in descending else "Ascending" for path in paths]
    return {"orderBy": order, "orderByExpressions": list(paths)}


def of(**operators: str | None) -> dict[str, Any]:
    """The part of a plan that tells the aggregate of each column."""
    return {"groupByAliases": list(operators), "groupByAliasToAggregateType": operators}


PLANS: list[tuple[str, dict[str, Any]]] = [
    ("SELECT * FROM c", {}),
    ("SELECT VALUE c.n FROM c WHERE c.n > 1", VALUE),
    ("SELECT VALUE t FROM c JOIN t IN c.tags", VALUE),
    ("SELECT TOP 5 * FROM c", {"top": 5}),
    ("SELECT TOP 0 * FROM c", {"top": 0}),
    ("SELECT TOP @n * FROM c", {"top": 3}),
    ("SELECT c.n FROM c OFFSET 2 LIMIT 3", {"offset": 2, "limit": 3, "rewrittenQuery": "SELECT c.n\nFROM c\nOFFSET 0 LIMIT 5"}),
    ("SELECT c.n FROM c OFFSET @n LIMIT @n", {"offset": 3, "limit": 3, "rewrittenQuery": "SELECT c.n\nFROM c\nOFFSET 0 LIMIT 6"}),
    ("SELECT VALUE c.n FROM c WHERE c.n = 1 OR c.n = 2 OFFSET 0 LIMIT 1", {**VALUE, "offset": 0, "limit": 1, "rewrittenQuery": "SELECT VALUE c.n\nFROM c\nWHERE (c.n = 1 OR c.n = 2)\nOFFSET 0 LIMIT 1"}),
    ("SELECT * FROM c ORDER BY c.n", {**by("c.n"), "rewrittenQuery": f'SELECT c._rid, [{{"item": c.n}}] AS orderByItems, c AS payload\nFROM c\nWHERE ({FILTER})\nORDER BY c.n'}),
    ("SELECT c.id FROM c WHERE c.n > 1 ORDER BY c.n DESC, c.id", {**by("c.n", "c.id", descending=("c.n",)), "rewrittenQuery": f'SELECT c._rid, [{{"item": c.n}}, {{"item": c.id}}] AS orderByItems, {{"id": c.id}} AS payload\nFROM c\nWHERE ((c.n > 1) AND ({FILTER}))\nORDER BY c.n DESC, c.id'}),
    ("SELECT TOP 2 VALUE c.n FROM c ORDER BY c.n", {**VALUE, **by("c.n"), "top": 2, "rewrittenQuery": f'SELECT TOP 2 c._rid, [{{"item": c.n}}] AS orderByItems, c.n AS payload\nFROM c\nWHERE (({FILTER}) AND IS_DEFINED(c.n))\nORDER BY c.n'}),
    ("SELECT c.n FROM c ORDER BY c.n OFFSET 1 LIMIT 2", {**by("c.n"), "offset": 1, "limit": 2, "rewrittenQuery": f'SELECT c._rid, [{{"item": c.n}}] AS orderByItems, {{"n": c.n}} AS payload\nFROM c\nWHERE ({FILTER})\nORDER BY c.n\nOFFSET 0 LIMIT 3'}),
    ("SELECT DISTINCT c.n FROM c", {"distinctType": "Unordered"}),
    ("SELECT DISTINCT TOP 5 VALUE c.n FROM c", {**VALUE, "distinctType": "Unordered", "top": 5, "rewrittenQuery": "SELECT DISTINCT VALUE c.n\nFROM c"}),
    ("SELECT DISTINCT VALUE c.n FROM c OFFSET 1 LIMIT 2", {**VALUE, "distinctType": "Unordered", "offset": 1, "limit": 2, "rewrittenQuery": "SELECT DISTINCT VALUE c.n\nFROM c"}),
    ("SELECT VALUE COUNT(1) FROM c", {**VALUE, "aggregates": ["Count"], "rewrittenQuery": 'SELECT VALUE [{"item": COUNT(1)}]\nFROM c'}),
    ("SELECT VALUE SUM(c.n) FROM c WHERE c.n > 1", {**VALUE, "aggregates": ["Sum"], "rewrittenQuery": 'SELECT VALUE [{"item": SUM(c.n)}]\nFROM c\nWHERE (c.n > 1)'}),
    ("SELECT VALUE AVG(c.n) FROM c", {**VALUE, "aggregates": ["Average"], "rewrittenQuery": f"SELECT VALUE [{AVG}]\nFROM c"}),
    ("SELECT VALUE MIN(c.n) FROM c", {**VALUE, "aggregates": ["Min"], "rewrittenQuery": f"SELECT VALUE [{MIN}]\nFROM c"}),
    ("SELECT VALUE MAX(c.n) FROM c", {**VALUE, "aggregates": ["Max"], "rewrittenQuery": f"SELECT VALUE [{MAX}]\nFROM c"}),
    ("SELECT TOP 5 VALUE COUNT(1) FROM c", {**VALUE, "top": 5, "aggregates": ["Count"], "rewrittenQuery": 'SELECT VALUE [{"item": COUNT(1)}]\nFROM c'}),
    ("SELECT COUNT(1) FROM c", {**of(**{"$1": "Count"}), "rewrittenQuery": 'SELECT {"$1": {"item": COUNT(1)}} AS payload\nFROM c'}),
    ("SELECT MAX(c.n) AS high, 'x' AS x FROM c", {**of(high="Max", x=None), "rewrittenQuery": f'SELECT {{"high": {MAX}, "x": \'x\'}} AS payload\nFROM c'}),
    ("SELECT c.pk, c.n FROM c GROUP BY c.pk, c.n", {**of(pk=None, n=None), "groupByExpressions": ["c.pk", "c.n"], "rewrittenQuery": 'SELECT [{"item": c.pk}, {"item": c.n}] AS groupByItems, {"pk": c.pk, "n": c.n} AS payload\nFROM c\nGROUP BY c.pk, c.n'}),
    ("SELECT c.pk, UPPER(c.pk), AVG(c.n) FROM c GROUP BY c.pk", {**of(**{"pk": None, "$1": None, "$2": "Average"}), "groupByExpressions": ["c.pk"], "rewrittenQuery": f'SELECT [{{"item": c.pk}}] AS groupByItems, {{"pk": c.pk, "$1": UPPER(c.pk), "$2": {AVG}}} AS payload\nFROM c\nGROUP BY c.pk'}),
    ("SELECT TOP 5 VALUE c.pk FROM c GROUP BY c.pk", {**VALUE, "top": 5, "groupByExpressions": ["c.pk"], "rewrittenQuery": 'SELECT [{"item": c.pk}] AS groupByItems, c.pk AS payload\nFROM c\nGROUP BY c.pk'}),
    ("SELECT VALUE COUNT(1) FROM c GROUP BY c.pk", {**VALUE, "aggregates": ["Count"], "groupByExpressions": ["c.pk"], "rewrittenQuery": 'SELECT [{"item": c.pk}] AS groupByItems, [{"item": COUNT(1)}] AS payload\nFROM c\nGROUP BY c.pk'}),
]  # fmt: skip


@pytest.mark.parametrize(("query", "differences"), PLANS)
def test_plan(query: str, differences: dict[str, Any]) -> None:
    """The plan tells all that the query asks of the client, and nothing else; it concerns all partitions."""
    plan = query_plan(parse(query, {"@n": 3}))
    assert plan["queryInfo"] == NOTHING | differences
    assert plan["queryRanges"] == [{"min": "", "max": "FF", "isMinInclusive": True, "isMaxInclusive": False}]


@pytest.mark.parametrize(("query", "info"), [(query, info) for query, info in PLANS if info.get("rewrittenQuery")])
def test_the_rewritten_query_runs(query: str, info: dict[str, Any]) -> None:
    """A partition answers the rewritten query, with a condition in the place that is left for one."""
    rewritten = info["rewrittenQuery"].replace(FILTER, "true")
    documents = [{"id": "1", "pk": "a", "n": 1, "_rid": "r1"}, {"id": "2", "pk": "b", "n": 2, "_rid": "r2"}]
    rows = run(rewritten, *documents, n=3)
    assert rows
    for row in rows if "payload" in rewritten else ():
        assert {"payload"} <= set(row) <= {"payload", "groupByItems", "orderByItems", "_rid"}


@pytest.mark.parametrize(("order", "kind"), [("c.n", "Ordered"), ("c.id", "Unordered"), ("c.n, c.id", "Unordered")])
def test_distinct_rows_are_ordered_by_what_they_are(order: str, kind: str) -> None:
    """Equal rows are neighbours only if the order is by what is selected."""
    plan = query_plan(parse(f"SELECT DISTINCT VALUE c.n FROM c ORDER BY {order}", {}))
    assert plan["queryInfo"]["distinctType"] == kind


FEATURES = [
    "Aggregate",
    "Distinct",
    "GroupBy",
    "MultipleOrderBy",
    "NonValueAggregate",
    "OffsetAndLimit",
    "OrderBy",
    "Top",
]


@pytest.mark.parametrize(
    ("query", "feature"),
    [
        ("SELECT c.n FROM c GROUP BY c.n", "GroupBy"),
        ("SELECT DISTINCT c.n FROM c", "Distinct"),
        ("SELECT * FROM c ORDER BY c.n", "OrderBy"),
        ("SELECT * FROM c ORDER BY c.n, c.id", "MultipleOrderBy"),
        ("SELECT * FROM c OFFSET 0 LIMIT 1", "OffsetAndLimit"),
        ("SELECT TOP 1 * FROM c", "Top"),
        ("SELECT VALUE COUNT(1) FROM c", "Aggregate"),
        ("SELECT COUNT(1) FROM c", "NonValueAggregate"),
    ],
)
def test_no_plan_asks_for_what_a_client_does_not_support(query: str, feature: str) -> None:
    """A client that leaves a feature out of its list is refused the queries that need it."""
    assert query_plan(parse(query, {}), ", ".join(FEATURES))
    with pytest.raises(BadRequest) as refused:
        query_plan(parse(query, {}), ", ".join(known for known in FEATURES if known != feature))
    (reason,) = json.loads(refused.value.message.removeprefix("Message: "))["Errors"]
    expected = f"Query contained {feature}, which the calling client does not support."
    if feature == "NonValueAggregate":
        expected = "Cross partition query only supports 'VALUE <AggregateFunc>' for aggregates."
    assert reason == expected


@pytest.mark.parametrize(
    "selection",
    ["VALUE {'n': COUNT(1)}", "VALUE [SUM(c.n)]", "VALUE FLOOR(AVG(c.n))", "COUNT(1) + 1 AS n", "MAX(c.n) ?? 0 AS n"],
)
def test_an_aggregate_across_partitions_stands_alone(selection: str) -> None:
    """No client can put together an expression that holds an aggregate."""
    with pytest.raises(BadRequest, match="Compositions of aggregates and other expressions are not allowed"):
        query_plan(parse(f"SELECT {selection} FROM c", {}), ", ".join(FEATURES))
