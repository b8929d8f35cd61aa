"""Hierarchical partition keys, with the real azure-cosmos client.

https://learn.microsoft.com/azure/cosmos-db/hierarchical-partition-keys
"""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from azure.cosmos import ContainerProxy
from azure.cosmos.exceptions import CosmosHttpResponseError, CosmosResourceExistsError, CosmosResourceNotFoundError
from conformance.targets import Target

STREETS = [("Paris", "Rivoli"), ("Paris", "Vosges"), ("Lyon", "Rivoli")]


@pytest.fixture(scope="module")
def container(target: Target) -> Iterator[ContainerProxy]:
    with target.cosmos() as client:
        yield client.get_database_client("shop").get_container_client("places")


@pytest.fixture
def country(container: ContainerProxy) -> str:
    """A first value that no other test uses, with an item in each of three streets."""
    country = uuid.uuid4().hex
    for city, street in STREETS:
        container.create_item({"id": "1", "country": country, "city": city, "street": street})
    return country


def streets(found: Any) -> list[tuple[str, str]]:
    return [(item["city"], item["street"]) for item in found]


def test_container_tells_its_paths(container: ContainerProxy) -> None:
    """The container's properties name the kind of its key and the paths in their order."""
    key = container.read()["partitionKey"]
    assert (key["kind"], key["version"]) == ("MultiHash", 2)
    assert key["paths"] == ["/country", "/city", "/street"]


def test_an_id_exists_once_under_a_whole_key(container: ContainerProxy, country: str) -> None:
    """The same id stands under each of three keys, and a second time under none."""
    for city, street in STREETS:
        assert streets([container.read_item("1", [country, city, street])]) == [(city, street)]
        with pytest.raises(CosmosResourceExistsError):
            container.create_item({"id": "1", "country": country, "city": city, "street": street})
    with pytest.raises(CosmosResourceNotFoundError):
        container.read_item("1", [country, "Lyon", "Vosges"])


def test_an_item_is_changed_and_deleted_under_its_whole_key(container: ContainerProxy, country: str) -> None:
    """Replace, upsert, patch, batch and delete take all the values."""
    key = [country, "Paris", "Rivoli"]
    item = {"id": "1", "country": country, "city": "Paris", "street": "Rivoli"}
    assert container.replace_item("1", {**item, "n": 1})["n"] == 1
    assert container.upsert_item({**item, "n": 2})["n"] == 2
    assert container.patch_item("1", key, [{"op": "incr", "path": "/n", "value": 1}])["n"] == 3
    container.execute_item_batch([("replace", ("1", {**item, "n": 4}))], key)
    assert container.read_item("1", key)["n"] == 4
    container.delete_item("1", key)
    with pytest.raises(CosmosResourceNotFoundError):
        container.read_item("1", key)


@pytest.mark.parametrize("path", ["/country", "/city", "/street"])
def test_no_value_of_the_key_is_patched(container: ContainerProxy, country: str, path: str) -> None:
    """A patch of one of the key's values is a 400."""
    with pytest.raises(CosmosHttpResponseError) as refused:
        container.patch_item("1", [country, "Paris", "Rivoli"], [{"op": "set", "path": path, "value": "x"}])
    assert refused.value.status_code == 400


@pytest.mark.parametrize("values", [[], ["Paris"]])
def test_part_of_a_key_names_no_item(container: ContainerProxy, country: str, values: list[str]) -> None:
    """A read under the first values of a key only is a 400 with the substatus of a wrong key."""
    with pytest.raises(CosmosHttpResponseError, match="doesn't correspond to definition in the collection") as refused:
        container.read_item("1", [country, *values])
    assert (refused.value.status_code, refused.value.sub_status) == (400, 1001)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], STREETS),
        (["Paris"], STREETS[:2]),
        (["Paris", "Vosges"], STREETS[1:2]),
        (["Par"], []),
        (["Lyon", "Vosges"], []),
    ],
)
def test_query_by_the_first_values(
    container: ContainerProxy, country: str, values: list[str], expected: list[Any]
) -> None:
    """A query under the first values of a key reads all keys that begin with them, and no other."""
    key = [country, *values]
    assert streets(container.query_items("SELECT * FROM c", partition_key=key)) == expected
    counted = container.query_items("SELECT VALUE COUNT(1) FROM c", partition_key=key)
    assert list(counted) == [len(expected)]
    ordered = container.query_items("SELECT * FROM c ORDER BY c.street DESC, c.city", partition_key=key)
    by_street = sorted(sorted(expected), key=lambda place: place[1], reverse=True)
    assert streets(ordered) == by_street


def test_change_feed_by_the_first_values(container: ContainerProxy, country: str) -> None:
    """So does the change feed."""
    for values, expected in (
        ([country], STREETS),
        ([country, "Paris"], STREETS[:2]),
        ([country, *STREETS[2]], STREETS[2:]),
    ):
        changes = container.query_items_change_feed(partition_key=values, start_time="Beginning")
        assert streets(changes) == expected


def test_a_condition_on_all_values_names_one_key(container: ContainerProxy, country: str) -> None:
    """A query needs no partition key beside it if its condition fixes every value."""
    condition = "c.country = @country AND c.city = 'Paris' AND c.street = 'Rivoli'"
    found = container.query_items(
        f"SELECT * FROM c WHERE {condition}",  # noqa: S608 (a constant)
        [{"name": "@country", "value": country}],
        enable_cross_partition_query=True,
    )
    assert streets(found) == STREETS[:1]


def test_a_client_that_sends_null_for_a_missing_value_is_refused(container: ContainerProxy) -> None:
    """This client reads null from a document that has not all the values: another key than the document's.

    So Microsoft's own tests of the Java client, which does the same, expect it of the service.
    """
    item = {"id": "1", "country": uuid.uuid4().hex, "city": "Paris"}
    with pytest.raises(CosmosHttpResponseError, match="wrong-pk-value") as refused:
        container.create_item(item)
    assert (refused.value.status_code, refused.value.sub_status) == (400, 1001)


def test_values_may_be_null(container: ContainerProxy) -> None:
    """Null is a value of a key, and another one than the text `null`."""
    country = uuid.uuid4().hex
    for city in (None, "null"):
        container.create_item({"id": "1", "country": country, "city": city, "street": None})
    assert container.read_item("1", [country, None, None])["city"] is None
    assert container.read_item("1", [country, "null", None])["city"] == "null"


def test_read_many_items_by_their_keys(container: ContainerProxy, country: str) -> None:
    """`read_items` takes whole keys."""
    wanted = [("1", [country, city, street]) for city, street in STREETS]
    assert sorted(streets(container.read_items(wanted))) == sorted(STREETS)
