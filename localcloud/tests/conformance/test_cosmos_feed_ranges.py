"""The change feed and queries of a part of a container, with the real azure-cosmos client."""

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
def keys(container: ContainerProxy) -> list[str]:
    """Eight partitions with two items each, whose `n` is 0 and 1."""
    run = uuid.uuid4().hex
    keys = [f"{run}-{number}" for number in range(8)]
    for key in keys:
        for n in range(2):
            container.create_item({"id": f"{key}-{n}", "pk": key, "n": n})
    return keys


def changed(container: ContainerProxy, **options: Any) -> list[str]:
    """The ids of the items that the change feed holds, from the beginning unless a start is given."""
    if not options.keys() & {"start_time", "continuation"}:
        options["start_time"] = "Beginning"
    return [item["id"] for item in container.query_items_change_feed(**options)]


def halves(container: ContainerProxy) -> list[dict[str, Any]]:
    """Two feed ranges that cover the container between them."""
    whole = {"isMinInclusive": True, "isMaxInclusive": False}
    return [{"Range": {"min": low, "max": high, **whole}} for low, high in (("", "1F"), ("1F", "FF"))]


def test_change_feed_of_one_partition_key(container: ContainerProxy, keys: list[str]) -> None:
    """The feed of a partition key holds its items alone, each once, with the latest change last."""
    container.patch_item(f"{keys[3]}-0", keys[3], [{"op": "set", "path": "/n", "value": 9}])
    assert changed(container, partition_key=keys[3]) == [f"{keys[3]}-1", f"{keys[3]}-0"]
    assert changed(container, partition_key=f"{keys[3]}-none") == []


def test_change_feed_of_one_partition_key_goes_on(container: ContainerProxy, keys: list[str]) -> None:
    """The continuation of a partition key's feed yields its later changes, and none of another key's."""
    assert changed(container, partition_key=keys[0], start_time="Now") == []
    continuation = container.client_connection.last_response_headers["etag"]
    for key in keys[:2]:
        container.create_item({"id": f"{key}-new", "pk": key})
    assert changed(container, continuation=continuation) == [f"{keys[0]}-new"]


def test_change_feed_of_one_partition_key_begins_at_a_time(container: ContainerProxy, keys: list[str]) -> None:
    """A partition key's feed begins at a time in the past or in the future."""
    earlier, later = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-1, 1))
    assert changed(container, partition_key=keys[5], start_time=earlier) == [f"{keys[5]}-0", f"{keys[5]}-1"]
    assert changed(container, partition_key=keys[5], start_time=later) == []


def test_change_feed_of_the_containers_feed_ranges(container: ContainerProxy, keys: list[str]) -> None:
    """The feeds of the ranges that the container names hold every item once between them."""
    found = [name for one in container.read_feed_ranges() for name in changed(container, feed_range=one)]
    mine = [name for name in found if name.startswith(keys[0].rpartition("-")[0])]
    assert sorted(mine) == sorted(f"{key}-{n}" for key in keys for n in range(2))


def test_change_feed_of_a_part_of_a_range(container: ContainerProxy, keys: list[str], target: Target) -> None:
    """Two halves of the range of all keys hold each item in one of them: in the half that its key's hash is in."""
    mine = {f"{key}-{n}" for key in keys for n in range(2)}
    parts = [mine & set(changed(container, feed_range=half)) for half in halves(container)]
    assert parts[0] | parts[1] == mine
    assert not parts[0] & parts[1]
    for key in keys:
        of_key = container.feed_range_from_partition_key(key)
        inside = [container.is_feed_range_subset(half, of_key) for half in halves(container)]
        assert inside == [f"{key}-0" in part for part in parts]


def test_change_feed_of_a_part_goes_on(container: ContainerProxy, keys: list[str]) -> None:
    """A range's feed read in pages of one item gives the same as in one, each page from its continuation alone."""
    half = halves(container)[0]
    whole, paged, continuation = changed(container, feed_range=half), [], None
    while True:
        options = {"continuation": continuation} if continuation else {"feed_range": half, "start_time": "Beginning"}
        page = next(container.query_items_change_feed(**options, max_item_count=5).by_page(), None)
        items = [] if page is None else [item["id"] for item in page]
        if not items:
            break
        paged += items
        continuation = container.client_connection.last_response_headers["etag"]
    assert paged == whole


def test_all_versions_are_refused_in_words(container: ContainerProxy) -> None:
    """The mode with all versions and deletes needs continuous backup: refused, with the reason."""
    with pytest.raises(CosmosHttpResponseError, match="all versions and deletes need continuous backup") as refused:
        changed(container, mode="AllVersionsAndDeletes", start_time="Now")
    assert refused.value.status_code == 400


def test_query_of_a_feed_range(container: ContainerProxy, keys: list[str]) -> None:
    """A query of a feed range reads its items alone."""
    query = "SELECT VALUE c.id FROM c WHERE STARTSWITH(c.pk, @run)"
    run = [{"name": "@run", "value": keys[0].rpartition("-")[0]}]
    parts = [list(container.query_items(query, run, feed_range=half)) for half in halves(container)]
    assert sorted(parts[0] + parts[1]) == sorted(f"{key}-{n}" for key in keys for n in range(2))
    of_key = container.feed_range_from_partition_key(keys[2])
    assert list(container.query_items(query, run, feed_range=of_key)) == [f"{keys[2]}-0", f"{keys[2]}-1"]


def test_many_items_are_read_at_once(container: ContainerProxy, keys: list[str]) -> None:
    """`read_items` gives the items that are there, of any partition."""
    wanted = [(f"{key}-{n}", key) for key in keys for n in range(3)]
    found = container.read_items(wanted)
    assert sorted(item["id"] for item in found) == sorted(f"{key}-{n}" for key in keys for n in range(2))
