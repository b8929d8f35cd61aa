"""What the item store keeps, and how long."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from localcloud.authorization.model import CosmosContainer
from localcloud.cosmos.errors import NotFound
from localcloud.cosmos.feed_ranges import FeedRange
from localcloud.cosmos.items import Items, Preconditions
from localcloud.cosmos.state import ItemStore

PARTITION = '"p"'
ALWAYS = Preconditions()


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_items(tmp_path: Path, clock: Clock) -> Callable[..., Items]:
    def open_(ttl: int | None = None) -> Items:
        containers = {"c": CosmosContainer(database="d", partitionKey="/pk", defaultTtl=ttl)}
        store = ItemStore(tmp_path / "items.sqlite", containers, clock)
        container = store.catalog.container("d", "c")
        assert container is not None
        return Items(store, container)

    return open_


def item(name: str, **properties: Any) -> dict[str, Any]:
    return {"id": name, "pk": "p", **properties}


def alive(items: Items) -> set[str]:
    return {found.id for found in items.store.scan(items.container, FeedRange(PARTITION, is_prefix=False))}


def test_items_outlive_a_restart(open_items: Callable[..., Items]) -> None:
    """After a restart every item is as it was, and later writes take later log numbers."""
    items = open_items()
    before = items.create(PARTITION, item("1", n=1))
    items.delete(PARTITION, items.create(PARTITION, item("2")).id, ALWAYS)
    latest = items.store.lsn(items.container)
    items.store.close()

    items = open_items()
    assert items.read(PARTITION, "1") == before
    assert items.create(PARTITION, item("2")).lsn == latest + 1


def test_time_to_live_of_the_container_and_of_an_item(open_items: Callable[..., Items], clock: Clock) -> None:
    """An item lives as long as it says, or else as long as its container says; -1 is for ever."""
    items = open_items(ttl=60)
    for name, properties in {"default": {}, "short": {"ttl": 5}, "ever": {"ttl": -1}}.items():
        items.create(PARTITION, item(name, **properties))
    clock.now += 10
    assert alive(items) == {"default", "ever"}
    with pytest.raises(NotFound):
        items.read(PARTITION, "short")
    items.create(PARTITION, item("short"))
    clock.now += 55
    assert alive(items) == {"short", "ever"}


def test_a_change_begins_a_new_life(open_items: Callable[..., Items], clock: Clock) -> None:
    """Time to live counts from the last write, as `_ts` does."""
    items = open_items(ttl=60)
    items.create(PARTITION, item("1"))
    clock.now += 50
    items.upsert(PARTITION, item("1"), ALWAYS)
    clock.now += 50
    assert alive(items) == {"1"}


def test_without_a_default_nothing_expires(open_items: Callable[..., Items], clock: Clock) -> None:
    """An item's own `ttl` means nothing if the container has no default."""
    items = open_items()
    items.create(PARTITION, item("1", ttl=1))
    clock.now += 100
    assert alive(items) == {"1"}


def test_every_state_has_an_etag_of_its_own(open_items: Callable[..., Items]) -> None:
    """Two states of an item never share an etag, within one second or after a deletion."""
    items = open_items()
    etags = [items.create(PARTITION, item("1")).etag]
    etags.append(items.upsert(PARTITION, item("1"), ALWAYS)[0].etag)
    items.delete(PARTITION, "1", ALWAYS)
    etags.append(items.create(PARTITION, item("1")).etag)
    assert len(set(etags)) == 3
