"""Queries and feeds with the real azure-cosmos client."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.cosmos import ContainerProxy
from azure.cosmos.exceptions import CosmosHttpResponseError
from conformance.targets import Target


@pytest.fixture(scope="module")
def container(target: Target) -> Iterator[ContainerProxy]:
    with target.cosmos() as client:
        yield client.get_database_client("shop").get_container_client("items")


@pytest.fixture
def key(container: ContainerProxy) -> str:
    """A partition with ten items, whose `n` is 0 to 9 and whose `kind` is `n % 3`."""
    key = uuid.uuid4().hex
    for n in range(10):
        container.create_item({"id": f"{n}", "pk": key, "n": n, "kind": n % 3, "tags": [f"t{n}", "all"]})
    return key


def rows(container: ContainerProxy, query: str, key: str, **parameters: Any) -> list[Any]:
    given = [{"name": f"@{name}", "value": value} for name, value in parameters.items()]
    return list(container.query_items(query, parameters=given, partition_key=key))


def test_query_within_a_partition(container: ContainerProxy, key: str) -> None:
    """Parameters, a condition, an order and a projection, in one partition."""
    query = "SELECT c.id, c.n FROM c WHERE c.n >= @low AND c.kind = @kind ORDER BY c.n DESC"
    assert rows(container, query, key, low=2, kind=0) == [{"id": str(n), "n": n} for n in (9, 6, 3)]


def test_everything_is_the_stored_document(container: ContainerProxy, key: str) -> None:
    """`SELECT *` gives the documents as a read gives them."""
    (item,) = rows(container, "SELECT * FROM c WHERE c.id = '3'", key)
    assert item == container.read_item("3", key)


def test_query_across_partitions(container: ContainerProxy, key: str) -> None:
    """All partitions are asked if the client allows it, in one order; otherwise the query is refused."""
    other = f"{key}-other"
    container.create_item({"id": "x", "pk": other, "n": 4.5})
    parameters = [{"name": "@keys", "value": [key, other]}]
    query = "SELECT VALUE c.n FROM c WHERE ARRAY_CONTAINS(@keys, c.pk) ORDER BY c.n"
    found = container.query_items(query, parameters=parameters, enable_cross_partition_query=True)
    assert list(found) == [0, 1, 2, 3, 4, 4.5, 5, 6, 7, 8, 9]
    with pytest.raises(CosmosHttpResponseError, match="Cross partition query is required but disabled"):
        list(container.query_items(query, parameters=parameters))
    named = container.query_items("SELECT VALUE COUNT(1) FROM c WHERE c.pk = @k", [{"name": "@k", "value": other}])
    assert list(named) == [1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT VALUE COUNT(1) FROM c WHERE {mine}", [11]),
        ("SELECT VALUE SUM(c.n) FROM c WHERE {mine}", [49.5]),
        ("SELECT VALUE AVG(c.n) FROM c WHERE {mine}", [4.5]),
        ("SELECT VALUE MIN(c.n) FROM c WHERE {mine}", [0]),
        ("SELECT VALUE MAX(c.n) FROM c WHERE {mine}", [9]),
        ("SELECT VALUE COUNT(1) FROM c WHERE {mine} AND c.n > 100", [0]),
        ("SELECT VALUE MAX(c.n) FROM c WHERE {mine} AND c.n > 100", [None]),
        ("SELECT TOP 3 VALUE c.n FROM c WHERE {mine} ORDER BY c.n DESC", [9, 8, 7]),
        ("SELECT DISTINCT VALUE c.kind FROM c WHERE {mine} ORDER BY c.kind", [0, 1, 2, 7]),
        ("SELECT VALUE c.n FROM c WHERE {mine} ORDER BY c.kind DESC, c.n", [4.5, 2, 5, 8, 1, 4, 7, 0, 3, 6, 9]),
        ("SELECT VALUE c.n FROM c WHERE {mine} ORDER BY c.n OFFSET 4 LIMIT 2", [4, 4.5]),
        ("SELECT VALUE t FROM c JOIN t IN c.tags WHERE {mine} AND t IN ('t3', 't4') ORDER BY c.n", ["t3", "t4"]),
    ],
)
def test_query_put_together_by_the_client(container: ContainerProxy, key: str, query: str, expected: list[Any]) -> None:
    """What the gateway does not answer for all partitions, the client does by the plan, in one page or many."""
    container.create_item({"id": "x", "pk": f"{key}-other", "n": 4.5, "kind": 7})
    query = query.format(mine=f"STARTSWITH(c.pk, '{key}')")
    for size in (None, 2):
        found = container.query_items(query, enable_cross_partition_query=True, max_item_count=size)
        assert list(found) == expected


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT COUNT(1) FROM c", "Cross partition query only supports 'VALUE <AggregateFunc>' for aggregates"),
        ("SELECT VALUE {'n': COUNT(1)} FROM c", "Compositions of aggregates and other expressions are not allowed"),
    ],
)
def test_query_that_the_client_cannot_put_together(
    container: ContainerProxy, key: str, query: str, reason: str
) -> None:
    """This client's aggregates across partitions are a single value; within a partition they are what is written."""
    with pytest.raises(CosmosHttpResponseError, match=reason) as refused:
        list(container.query_items(query, enable_cross_partition_query=True))
    assert refused.value.status_code == 400
    assert rows(container, query, key) == [{"$1": 10} if "VALUE" not in query else {"n": 10}]


def test_whole_numbers_of_64_bits_come_back(container: ContainerProxy, key: str) -> None:
    """A number of 18 or 19 digits is given by a read and by a query as it was sent, and is found by its value."""
    numbers = [123456789012345678, 9223372036854775807, -9223372036854775808]
    container.create_item({"id": "large", "pk": key, "numbers": numbers, "first": numbers[0]})
    assert container.read_item("large", key)["numbers"] == numbers
    assert rows(container, "SELECT VALUE c.numbers FROM c WHERE c.first = @n", key, n=numbers[0]) == [numbers]
    assert rows(container, f"SELECT VALUE c.id FROM c WHERE c.first = {numbers[0]}", key) == ["large"]  # noqa: S608


def test_query_metrics(container: ContainerProxy, key: str) -> None:
    """A client that asks for metrics gets them, page by page."""
    list(container.query_items("SELECT * FROM c", partition_key=key, populate_query_metrics=True))
    headers = container.client_connection.last_response_headers
    assert "outputDocumentCount=10" in headers["x-ms-documentdb-query-metrics"].split(";")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT VALUE COUNT(1) FROM c", [10]),
        ("SELECT VALUE SUM(c.n) FROM c WHERE c.kind = 0", [18]),
        ("SELECT VALUE AVG(c.n) FROM c", [4.5]),
        ("SELECT MIN(c.n) AS low, MAX(c.n) AS high FROM c", [{"low": 0, "high": 9}]),
        ("SELECT DISTINCT VALUE c.kind FROM c ORDER BY c.kind", [0, 1, 2]),
        ("SELECT TOP 2 VALUE c.n FROM c ORDER BY c.kind DESC, c.n DESC", [8, 5]),
        ("SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 7 LIMIT 2", [7, 8]),
        ("SELECT VALUE t FROM c JOIN t IN c.tags WHERE c.n = 3", ["t3", "all"]),
        (
            "SELECT c.kind, COUNT(1) AS n FROM c GROUP BY c.kind",
            [{"kind": k, "n": n} for k, n in ((0, 4), (1, 3), (2, 3))],
        ),
        ("SELECT VALUE MAX(c.missing) FROM c", []),
        ("SELECT VALUE c.n FROM c WHERE EXISTS(SELECT VALUE t FROM t IN c.tags WHERE t LIKE '%3')", [3]),
        ("SELECT VALUE (c.missing ?? c.n) + (c.n > 8 ? 0x10 : 0) FROM c WHERE c.n BETWEEN 8 AND 9", [8, 25]),
    ],
)
def test_aggregates_distinct_and_windows(container: ContainerProxy, key: str, query: str, expected: list[Any]) -> None:
    """What the client leaves to the service is worked out there."""
    assert rows(container, query, key) == expected


@pytest.mark.parametrize(
    "query",
    [
        "SELECT VALUE c.n FROM c",
        "SELECT VALUE c.n FROM c ORDER BY c.kind DESC, c.n",
        "SELECT VALUE c.n FROM c ORDER BY c.kind DESC",
        "SELECT VALUE t FROM c JOIN t IN c.tags ORDER BY c.kind DESC",
        "SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 1 LIMIT 8",
        "SELECT DISTINCT VALUE c.kind FROM c",
        "SELECT VALUE t FROM c JOIN t IN c.tags",
    ],
)
def test_pages_add_up_to_the_whole(container: ContainerProxy, key: str, query: str) -> None:
    """A query read three rows a page gives the same as in one, each page from its token alone."""
    paged, token = [], None
    while True:
        pages = container.query_items(query, partition_key=key, max_item_count=3).by_page(token)
        page = list(next(pages))
        assert len(page) <= 3
        paged += page
        token = pages.continuation_token
        if not token:
            break
    assert paged == rows(container, query, key)


@pytest.mark.parametrize("query", ["SELECT VALUE c.n FROM c", "SELECT VALUE c.n FROM c ORDER BY c.n"])
def test_writes_between_pages_repeat_and_lose_nothing(container: ContainerProxy, key: str, query: str) -> None:
    """The next page begins behind the last row, although that row is gone and others have come before it."""
    pages = container.query_items(query, partition_key=key, max_item_count=4).by_page()
    assert list(next(pages)) == [0, 1, 2, 3]
    container.delete_item("3", key)
    container.delete_item("0", key)
    container.create_item({"id": "late", "pk": key, "n": -1})
    rest = [n for page in pages for n in page if n >= 0]
    assert rest == [4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("selectttt * FROM c", "SC1001"),
        ("SELECT c.value FROM c", "SC1001"),
        ("SELECT * FROM c WHERE", "SC1002"),
        ("SELECT * FROM c WHERE x.n = 1", "SC2001"),
        ("SELECT * FROM c ORDER BY LOWER(c.id)", "2206"),
        ("SELECT * FROM c WHERE c.n = @missing", "SC2001"),
        ("SELECT VALUE NO_SUCH_FUNCTION(c) FROM c", "SC2005"),
    ],
)
def test_unknown_sql_is_a_bad_request(container: ContainerProxy, key: str, query: str, code: str) -> None:
    """A query that is not understood is refused with Cosmos DB's code, never half answered."""
    with pytest.raises(CosmosHttpResponseError, match=code) as refused:
        rows(container, query, key)
    assert refused.value.status_code == 400


def test_all_items_are_read_page_by_page(container: ContainerProxy, key: str) -> None:
    """The feed of all items holds each once, whatever the page size."""
    ids = [item["id"] for item in container.read_all_items(max_item_count=7) if item["pk"] == key]
    assert sorted(ids) == [str(n) for n in range(10)]


def test_change_feed_holds_the_latest_of_each_item(container: ContainerProxy, key: str) -> None:
    """From the beginning every item comes once, in the order of its latest change, and the feed ends."""
    container.patch_item("0", key, [{"op": "set", "path": "/n", "value": 100}])
    changes = container.query_items_change_feed(start_time="Beginning", max_item_count=4)
    assert [item["n"] for item in changes if item["pk"] == key] == [*range(1, 10), 100]


def test_change_feed_goes_on_where_it_ended(container: ContainerProxy, key: str) -> None:
    """The continuation of an exhausted feed yields what was written after it, and only that."""
    feed = container.query_items_change_feed(start_time="Now")
    assert list(feed) == []
    continuation = container.client_connection.last_response_headers["etag"]
    container.create_item({"id": "new", "pk": key})
    changes = container.query_items_change_feed(continuation=continuation)
    assert [item["id"] for item in changes] == ["new"]


def test_change_feed_begins_at_a_time(container: ContainerProxy, key: str) -> None:
    """A start in the past includes what was written since, one in the future nothing."""
    earlier, later = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-1, 1))
    assert any(item["pk"] == key for item in container.query_items_change_feed(start_time=earlier))
    assert list(container.query_items_change_feed(start_time=later)) == []
