"""Azure's limits, each tried at its edge and beyond: https://learn.microsoft.com/azure/cosmos-db/concepts-limits.

The table is that of `docs/cosmos.md`.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from harness import tables
from harness.cosmos import account, key_header
from localcloud.authorization.model import Entities
from pydantic import ValidationError

PAGE = (Path(__file__).parents[1] / "docs/cosmos.md").read_text()
CONTAINER = "/dbs/shop/colls/items"
DOCS = f"{CONTAINER}/docs"
KEY = key_header("limits")
UPSERT = {"x-ms-documentdb-is-upsert": "True"}
QUERY = {"x-ms-documentdb-isquery": "True"}
BATCH = {"x-ms-cosmos-is-batch-request": "True"}
MEGABYTE = 1024 * 1024

Request = tuple[str, str, dict[str, str], Any]


def upsert(**properties: Any) -> Request:
    item = {"id": "limits", "pk": "limits", **properties}
    return "POST", DOCS, {**key_header(item["pk"]), **UPSERT}, item


def query(text: str, **headers: str) -> Request:
    return "POST", DOCS, {**KEY, **QUERY, **headers}, {"query": text}


def patch(operations: list[dict[str, Any]]) -> Request:
    return "PATCH", f"{DOCS}/limits", KEY, {"operations": operations}


def item_of(size: int, letter: str = "x") -> Request:
    """An upsert of an item that has this many bytes in UTF-8."""
    frame = len('{"id":"limits","pk":"limits","text":""}')
    letters, rest = divmod(size - frame, len(letter.encode()))
    content = f'{{"id":"limits","pk":"limits","text":"{letter * letters}{"x" * rest}"}}'
    return "POST", DOCS, {**KEY, **UPSERT}, content.encode()


def nested(levels: int) -> Any:
    """A value that makes the item that has it so many levels deep."""
    value: Any = 1
    for level in range(levels - 1):
        value = [value] if level % 2 else {"n": value}
    return value


def text_of(size: int, letter: str = "x") -> Request:
    """A query that has this many bytes in UTF-8."""
    frame = len("SELECT VALUE ''")
    letters, rest = divmod(size - frame, len(letter.encode()))
    return query(f"SELECT VALUE '{letter * letters}{'x' * rest}'")


def joins(count: int) -> Request:
    return query("SELECT VALUE 1 FROM c" + "".join(f" JOIN t{n} IN c.tags" for n in range(count)))  # noqa: S608


# The limit's name and value in the table; requests at the edge; requests beyond it; how these are refused.
LIMITS: dict[tuple[str, str], tuple[list[Request], list[Request], int, str]] = {
    ("item", "2 MiB"): (
        [item_of(2 * MEGABYTE), item_of(2 * MEGABYTE, "é"), item_of(2 * MEGABYTE, "😀")],
        [item_of(2 * MEGABYTE + 1), item_of(2 * MEGABYTE + 1, "é")],
        413,
        "Request size is too large",
    ),
    ("request", "2 MiB"): (
        [("POST", DOCS, {**KEY, **UPSERT}, json.dumps(upsert()[3]).encode().ljust(2 * MEGABYTE))],
        [("POST", DOCS, {**KEY, **UPSERT}, json.dumps(upsert()[3]).encode().ljust(2 * MEGABYTE + 1))],
        413,
        "Request size is too large",
    ),
    ("id", "1023 bytes"): (
        [upsert(id="x" * 1023), upsert(id="é" * 511)],
        [upsert(id="x" * 1024), upsert(id="é" * 512)],
        400,
        "less than '1024' characters",
    ),
    ("characters of an id", "all but / and \\"): (
        [upsert(id="a?b#c d"), upsert(id="é\t😀 ")],
        [upsert(id="a/b"), upsert(id="a\\b")],
        400,
        "contains invalid character",
    ),
    ("value of a partition key", "2048 bytes"): (
        [upsert(pk="x" * 2048), upsert(pk="é" * 1024)],
        [upsert(pk="x" * 2049), upsert(pk="é" * 1025)],
        400,
        "longer than 2048 bytes",
    ),
    ("nesting", "128 levels"): (
        [upsert(n=nested(128))],
        [upsert(n=nested(129)), patch([{"op": "set", "path": "/deep", "value": nested(129)}])],
        400,
        "maximum level of nesting",
    ),
    ("time to live", "1 to 2147483647 seconds, or -1"): (
        [upsert(ttl=1), upsert(ttl=2147483647), upsert(ttl=-1)],
        [upsert(ttl=0), upsert(ttl=2147483648), upsert(ttl=-2), upsert(ttl="1"), upsert(ttl=1.5)],
        400,
        "The input ttl",
    ),
    ("number", "a double of IEEE 754"): (
        [upsert(n=1.7976931348623157e308), upsert(n=-5e-324)],
        [("POST", DOCS, {**KEY, **UPSERT}, b'{"id":"limits","pk":"limits","n":1e309}')],
        400,
        "not valid JSON",
    ),
    ("operations of a batch", "100"): (
        [("POST", DOCS, {**KEY, **BATCH}, [{"operationType": "Read", "id": "limits"}] * 100)],
        [("POST", DOCS, {**KEY, **BATCH}, [{"operationType": "Read", "id": "limits"}] * 101)],
        400,
        "Batch request has more operations than what is supported",
    ),
    ("operations of a patch", "10"): (
        [patch([{"op": "set", "path": "/n", "value": 1}] * 10)],
        [patch([{"op": "set", "path": "/n", "value": 1}] * 11)],
        400,
        "can't exceed '10'",
    ),
    ("text of a query", "512 KiB"): (
        [text_of(512 * 1024), text_of(512 * 1024, "é")],
        [text_of(512 * 1024 + 1), text_of(512 * 1024 + 1, "é")],
        400,
        "exceeded the maximum limit of 524288 bytes",
    ),
    ("joins of a query", "10"): ([joins(10)], [joins(11)], 400, "The allowed limit is 10"),
    ("rows of a page", "1 or more, or -1"): (
        [query("SELECT 1", **{"x-ms-max-item-count": count}) for count in ("1", "-1", "1000000")],
        [query("SELECT 1", **{"x-ms-max-item-count": count}) for count in ("0", "-2", "ten", "1.5")],
        400,
        "must be a positive integer or -1",
    ),
}


@pytest.fixture(scope="module")
def http(cloud: Any, credential: Callable[[str], Any]) -> Iterator[httpx.Client]:
    with account(cloud, credential, "owner") as client:
        yield client


def send(http: httpx.Client, request: Request) -> httpx.Response:
    method, path, headers, body = request
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return http.request(method, path, headers=headers, content=content)


@pytest.mark.parametrize("limit", LIMITS, ids="-".join)
def test_a_limit_is_azures(http: httpx.Client, limit: tuple[str, str]) -> None:
    """What is at the limit is taken, and what is beyond it is refused with the status and the words for it."""
    within, beyond, status, words = LIMITS[limit]
    http.request(*upsert()[:2], headers=upsert()[2], json=upsert()[3])
    for request in within:
        answer = send(http, request)
        assert answer.status_code in (200, 201), answer.text[:500]
    http.request(*upsert()[:2], headers=upsert()[2], json=upsert()[3])
    for request in beyond:
        answer = send(http, request)
        assert answer.status_code == status, answer.text[:500]
        assert words in answer.json()["message"]


NAMES = {
    ("name of a database or a container", "255 characters"): (["x" * 255], ["x" * 256, ""]),
    ("characters of such a name", "all but / \\ ? #, no space at the end"): (
        ["orders", "a b", "é"],
        ["a/b", "a\\b", "a?b", "a#b", "a "],
    ),
}


@pytest.mark.parametrize("limit", NAMES, ids="-".join)
def test_names_in_the_access_file_are_azures(limit: tuple[str, str]) -> None:
    """A container or a database has a name that Azure takes, or the access file is refused."""
    within, beyond = NAMES[limit]
    for name in within:
        Entities.model_validate({"cosmos": {name: {"database": name, "partitionKey": "/pk"}}})
    for name in beyond:
        for container, database in ((name, "shop"), ("items", name)):
            with pytest.raises(ValidationError):
                Entities.model_validate({"cosmos": {container: {"database": database, "partitionKey": "/pk"}}})


KEYS = {("levels of a partition key", "3")}


def test_a_partition_key_has_three_levels() -> None:
    """A container is partitioned by one path, or by up to three."""
    paths = ["/a", "/b/c", "/d", "/e"]
    for given in (paths[0], *(paths[:count] for count in range(1, 4))):
        Entities.model_validate({"cosmos": {"items": {"database": "shop", "partitionKey": given}}})
    for given in ([], paths, "a", ["/a", "b"], "/"):
        with pytest.raises(ValidationError):
            Entities.model_validate({"cosmos": {"items": {"database": "shop", "partitionKey": given}}})


def test_the_page_lists_the_limits_that_are_tried() -> None:
    """Each row of the page's table is a row of a table here, with the same value, and the other way round."""
    section = PAGE[PAGE.index("## Limits") :].split("\n## ")[0]
    rows = {(row[0], row[1]) for row in tables.rows(section)} - {("limit", "here")}
    rows = {row for row in rows if not row[0].startswith("-")}
    elsewhere = {("answer", "4 MiB"), ("continuation", "1 KiB")}  # each is a test of its own
    assert rows - elsewhere == LIMITS.keys() | NAMES.keys() | KEYS
    assert elsewhere <= rows


def test_no_patch_makes_an_item_deeper_than_it_may_be(http: httpx.Client) -> None:
    """Patches that each add a few levels end at the limit, and the item stays as it was."""
    key = key_header("deeper")
    http.post(DOCS, headers={**key, **UPSERT}, json={"id": "d", "pk": "deeper", "n": {}})
    path, levels = "/n", 2
    while True:
        deeper = {"operations": [{"op": "set", "path": f"{path}/n", "value": {"n": {"n": {}}}}]}
        answer = http.patch(f"{DOCS}/d", headers=key, json=deeper)
        if answer.status_code != 200:
            break
        path, levels = f"{path}/n/n/n", levels + 3
    assert (answer.status_code, levels) == (400, 128)
    assert "maximum level of nesting" in answer.json()["message"]
    assert http.get(f"{DOCS}/d", headers=key).status_code == 200


def test_a_continuation_fits_into_a_header(http: httpx.Client) -> None:
    """Rows sorted by long texts are read page by page, and no token is longer than the 1 KB that a client may ask for.

    A token whose row was written in between is refused: its place in the order is then unknown.
    """
    key = key_header("long")
    for n in range(5):
        item = {"id": str(n), "pk": "long", "n": n, "text": f"{'x' * 5_000}{4 - n}"}
        http.post(DOCS, headers={**key, **UPSERT}, json=item)
    asking = {**key, **QUERY, "x-ms-max-item-count": "2"}
    body = {"query": "SELECT VALUE c.n FROM c ORDER BY c.text"}
    rows, token = [], ""
    while True:
        answer = http.post(DOCS, headers={**asking, "x-ms-continuation": token}, json=body)
        rows += answer.json()["Documents"]
        last, token = token, answer.headers.get("x-ms-continuation", "")
        if not token:
            break
        assert len(token) <= 1024
    assert rows == [4, 3, 2, 1, 0]
    http.delete(f"{DOCS}/1", headers=key)
    refused = http.post(DOCS, headers={**asking, "x-ms-continuation": last}, json=body)
    assert refused.status_code == 400
    assert "Invalid Continuation Token" in refused.json()["message"]
