"""One item at a time, with the real azure-cosmos client."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.cosmos import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosBatchOperationError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)
from conformance.targets import Target


@pytest.fixture(scope="module")
def container(target: Target) -> Iterator[ContainerProxy]:
    with target.cosmos() as client:
        yield client.get_database_client("shop").get_container_client("items")


@pytest.fixture
def key() -> str:
    """A partition that no other test uses."""
    return uuid.uuid4().hex


def test_created_item_is_read_as_it_was_written(container: ContainerProxy, key: str) -> None:
    """An item comes back with Cosmos DB's own properties beside the caller's, unchanged."""
    item = {"id": "1 é%20", "pk": key, "nested": {"list": [1, 2.5, None, True, "é😀"]}}
    created = container.create_item(item)
    read = container.read_item(item["id"], key)
    assert dict(read) == dict(created)
    assert {name: read[name] for name in item} == item
    assert set(read) - set(item) == {"_rid", "_self", "_etag", "_ts", "_attachments"}


def test_second_create_is_a_conflict(container: ContainerProxy, key: str) -> None:
    """An id exists once in a partition, and may exist in another."""
    container.create_item({"id": "1", "pk": key})
    with pytest.raises(CosmosResourceExistsError, match="Entity with the specified id already exists"):
        container.create_item({"id": "1", "pk": key})
    assert container.create_item({"id": "1", "pk": f"{key}-2"})["id"] == "1"


def test_missing_item_is_not_found(container: ContainerProxy, key: str) -> None:
    """Reading, replacing and deleting what is not there are each a 404."""
    for attempt in (
        lambda: container.read_item("1", key),
        lambda: container.replace_item("1", {"id": "1", "pk": key}),
        lambda: container.delete_item("1", key),
    ):
        with pytest.raises(CosmosResourceNotFoundError):
            attempt()


@pytest.mark.parametrize("value", ["text", 7, 1.5, True, None])
def test_partition_key_may_be_any_scalar(container: ContainerProxy, value: Any) -> None:
    """A partition key is a string, a number, a boolean or null."""
    container.upsert_item({"id": "scalar", "pk": value, "was": repr(value)})
    assert container.read_item("scalar", value)["was"] == repr(value)


def test_upsert_creates_then_replaces(container: ContainerProxy, key: str) -> None:
    """The second upsert keeps the resource id and changes the etag."""
    first = container.upsert_item({"id": "1", "pk": key, "n": 1})
    second = container.upsert_item({"id": "1", "pk": key, "n": 2})
    assert (second["n"], second["_rid"]) == (2, first["_rid"])
    assert second["_etag"] != first["_etag"]


def test_stale_etag_changes_nothing(container: ContainerProxy, key: str) -> None:
    """A replace and a delete under an old etag are 412; under the current one they are done."""
    stale = container.create_item({"id": "1", "pk": key, "n": 1})
    current = container.replace_item("1", {"id": "1", "pk": key, "n": 2})
    condition = MatchConditions.IfNotModified
    with pytest.raises(CosmosAccessConditionFailedError):
        container.replace_item("1", {"id": "1", "pk": key}, etag=stale["_etag"], match_condition=condition)
    with pytest.raises(CosmosAccessConditionFailedError):
        container.delete_item("1", key, etag=stale["_etag"], match_condition=condition)
    assert container.read_item("1", key)["n"] == 2
    container.delete_item("1", key, etag=current["_etag"], match_condition=condition)
    with pytest.raises(CosmosResourceNotFoundError):
        container.read_item("1", key)


def test_patch_changes_what_it_names(container: ContainerProxy, key: str) -> None:
    """Every operation works on its path, and the rest of the document stays."""
    container.create_item({"id": "1", "pk": key, "n": 1, "gone": 1, "old": 1, "list": [1, 3], "deep": {"a": 1}})
    patched = container.patch_item(
        "1",
        key,
        [
            {"op": "incr", "path": "/n", "value": 5},
            {"op": "set", "path": "/new", "value": {"x": 1}},
            {"op": "add", "path": "/list/1", "value": 2},
            {"op": "add", "path": "/list/-", "value": 4},
            {"op": "replace", "path": "/deep/a", "value": "b"},
            {"op": "remove", "path": "/gone"},
            {"op": "move", "from": "/old", "path": "/deep/moved"},
        ],
    )
    assert {name: value for name, value in patched.items() if not name.startswith("_")} == {
        "id": "1",
        "pk": key,
        "n": 6,
        "new": {"x": 1},
        "list": [1, 2, 3, 4],
        "deep": {"a": "b", "moved": 1},
    }


def test_patch_under_an_unmet_condition_is_refused(container: ContainerProxy, key: str) -> None:
    """A patch is a 412 if its own condition does not hold, and is done if it does."""
    container.create_item({"id": "1", "pk": key, "state": "open"})
    change = [{"op": "set", "path": "/state", "value": "closed"}]
    with pytest.raises(CosmosAccessConditionFailedError):
        container.patch_item("1", key, change, filter_predicate="from c where c.state = 'new'")
    assert container.patch_item("1", key, change, filter_predicate="from c where c.state = 'open'")["state"] == "closed"


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/missing", "value": 1},
        {"op": "replace", "path": "/missing/deep", "value": 1},
        {"op": "replace", "path": "/deep/missing", "value": 1},
        {"op": "replace", "path": "/text/0", "value": 1},
        {"op": "replace", "path": "/list/1", "value": 1},
        {"op": "replace", "path": "/list/-", "value": 1},
        {"op": "replace", "path": "/list/-1", "value": 1},
        {"op": "replace", "path": "/", "value": 1},
        {"op": "set", "path": "/list/1", "value": 1},
        {"op": "add", "path": "/list/2", "value": 1},
        {"op": "move", "path": "/n", "from": "/missing"},
        {"op": "remove", "path": "/missing"},
        {"op": "remove", "path": "/list/9"},
        {"op": "incr", "path": "/text", "value": 1},
        {"op": "incr", "path": "/n", "value": "1"},
        {"op": "set", "path": "/id", "value": "2"},
        {"op": "set", "path": "/pk", "value": "2"},
        {"op": "set", "path": "no-slash", "value": "2"},
        {"op": "set", "path": "/a/b/c", "value": 1},
        {"op": "turn", "path": "/n", "value": 1},
        {"op": "set", "path": "/n"},
        {"op": "move", "path": "/list/0/x", "from": "/list"},
    ],
)
def test_impossible_patch_is_a_bad_request(container: ContainerProxy, key: str, operation: dict[str, Any]) -> None:
    """A patch that has no place to go is a 400 and leaves the item as it was."""
    before = container.create_item({"id": "1", "pk": key, "n": 1, "text": "t", "list": [1], "deep": {"a": 1}})
    with pytest.raises(CosmosHttpResponseError) as refused:
        container.patch_item("1", key, [{"op": "incr", "path": "/n", "value": 1}, operation])
    assert refused.value.status_code == 400
    assert container.read_item("1", key)["_etag"] == before["_etag"]


@pytest.mark.parametrize("name", ["", "a/b", "a\\b", "a?b", "a#b", "x" * 1024, "é" * 512])
def test_illegal_id_is_a_bad_request(container: ContainerProxy, key: str, name: str) -> None:
    """An id that is too long, or has a character that no id may have, is refused by the SDK or else by the service."""
    with pytest.raises((CosmosHttpResponseError, ValueError)) as refused:
        container.create_item({"id": name, "pk": key})
    if isinstance(refused.value, CosmosHttpResponseError):
        assert refused.value.status_code == 400


def test_item_over_two_megabytes_is_too_large(container: ContainerProxy, key: str) -> None:
    """The limit of an item is 2 MB, and the client's connection survives the refusal."""
    container.create_item({"id": "fits", "pk": key, "text": "x" * 2_000_000})
    with pytest.raises(CosmosHttpResponseError) as refused:
        container.create_item({"id": "large", "pk": key, "text": "x" * 2_200_000})
    assert refused.value.status_code == 413
    assert len(container.read_item("fits", key)["text"]) == 2_000_000


def test_no_response_asks_for_no_body(container: ContainerProxy, key: str) -> None:
    """`Prefer: return=minimal` writes the item and answers its headers only."""
    assert not dict(container.create_item({"id": "1", "pk": key}, no_response=True))
    assert container.read_item("1", key)["pk"] == key


def test_batch_is_done_as_a_whole(container: ContainerProxy, key: str) -> None:
    """A transactional batch answers each operation's result in order."""
    container.create_item({"id": "old", "pk": key})
    results = container.execute_item_batch(
        [
            ("create", ({"id": "a", "pk": key, "n": 1},)),
            ("patch", ("a", [{"op": "incr", "path": "/n", "value": 1}])),
            ("read", ("a",)),
            ("upsert", ({"id": "b", "pk": key},)),
            ("replace", ("b", {"id": "b", "pk": key, "n": 2})),
            ("delete", ("old",)),
        ],
        key,
    )
    assert [result["statusCode"] for result in results] == [201, 200, 200, 201, 200, 204]
    assert results[2]["resourceBody"]["n"] == 2


def test_failed_batch_leaves_nothing(container: ContainerProxy, key: str) -> None:
    """One operation's failure undoes the others, which are answered 424."""
    container.create_item({"id": "taken", "pk": key})
    with pytest.raises(CosmosBatchOperationError) as failed:
        container.execute_item_batch(
            [("create", ({"id": id_, "pk": key},)) for id_ in ("first", "taken", "third")],
            key,
        )
    assert failed.value.error_index == 1
    assert [result["statusCode"] for result in failed.value.operation_responses] == [424, 409, 424]
    with pytest.raises(CosmosResourceNotFoundError):
        container.read_item("first", key)


def test_paths_by_resource_id_lead_to_the_same_item(target: Target, container: ContainerProxy, key: str) -> None:
    """A database, a container and an item are found by their resource ids as by their names."""
    created = container.create_item({"id": "1", "pk": key})
    _, database_rid, _, container_rid, _, item_rid = created["_self"].strip("/").split("/")
    with target.cosmos() as client:
        by_rid = client.get_database_client(database_rid).get_container_client(container_rid)
        assert by_rid.read()["id"] == "items"
        assert by_rid.read_item(item_rid, key)["id"] == "1"


def test_metadata_of_database_and_container(target: Target) -> None:
    """The database and the container tell their resource ids, the container its partition key."""
    with target.cosmos() as client:
        database = client.get_database_client("shop")
        properties = database.get_container_client("items").read()
        assert database.read()["id"] == "shop"
        assert properties["partitionKey"]["paths"] == ["/pk"]
        assert properties["_self"].startswith(database.read()["_self"])


@pytest.fixture
async def aio_container(target: Target) -> AsyncIterator[Any]:
    async with target.aio_cosmos() as client:
        yield client.get_database_client("shop").get_container_client("items")


async def test_one_of_many_creators_wins(aio_container: Any, key: str) -> None:
    """Of twenty creations of one item at once, one succeeds and the others are conflicts."""
    creations = (aio_container.create_item({"id": "1", "pk": key, "n": n}) for n in range(20))
    outcomes = await asyncio.gather(*creations, return_exceptions=True)
    winners = [outcome for outcome in outcomes if not isinstance(outcome, CosmosResourceExistsError)]
    assert [winner["_etag"] for winner in winners] == [(await aio_container.read_item("1", key))["_etag"]]


async def test_asyncio_client_does_the_same(aio_container: Any, key: str) -> None:
    """The worker's client creates, reads, queries, patches and deletes under the same name."""
    created = await aio_container.create_item({"id": "1", "pk": key, "n": 1})
    assert (await aio_container.read_item("1", key))["_etag"] == created["_etag"]
    assert [item["id"] async for item in aio_container.query_items("SELECT c.id FROM c", partition_key=key)] == ["1"]
    patched = await aio_container.patch_item("1", key, [{"op": "incr", "path": "/n", "value": 1}])
    assert patched["n"] == 2
    with pytest.raises(CosmosResourceExistsError):
        await aio_container.create_item({"id": "1", "pk": key})
    await aio_container.delete_item("1", key)
    with pytest.raises(CosmosResourceNotFoundError):
        await aio_container.read_item("1", key)
