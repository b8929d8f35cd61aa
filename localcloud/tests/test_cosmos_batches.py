"""Batches and bulks as the clients of other languages send them.

https://github.com/Azure/azure-cosmos-dotnet-v3/blob/master/Microsoft.Azure.Cosmos/src/Batch/BatchAsyncContainerExecutor.cs,
https://github.com/Azure/azure-sdk-for-js/blob/main/sdk/cosmosdb/cosmos/src/bulk/BulkHelper.ts
"""

import base64
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from harness.cosmos import account, key_header
from localcloud.cosmos.hybrid_row import Schema, read_records, read_row

DOCS = "/dbs/shop/colls/items/docs"
PLACES = "/dbs/shop/colls/places/docs"
BATCH = {"x-ms-cosmos-is-batch-request": "True"}
BULK = {**BATCH, "x-ms-cosmos-batch-atomic": "False", "x-ms-documentdb-partitionkeyrangeid": "0"}
RESULT = Schema(2145473649, ("statusCode", "subStatusCode"), ("eTag", "resourceBody"), ("retry", "requestCharge"))
CREATE_READ_UPSERT = (  # of the item `created` in the partition `p`, as the .NET client has written it
    "gfDY/38BCgAAAIHx2P9/MgAAAIy0GfCBcFThf0MAAAAAAgAAACN7ImlkIjoiY3JlYXRlZCIsInBrIjoicCIsInZhbHVlIjoxfYHx2P9/FgAAAI7k"
    "XlCBcFThfxMCAAAAAgAAAAdjcmVhdGVkgfHY/38yAAAAJIqEvIFwVOF/QxQAAAACAAAAI3siaWQiOiJjcmVhdGVkIiwicGsiOiJwIiwidmFsdWUi"
    "OjJ9"
)
GOING_ON = {**BULK, "x-ms-cosmos-batch-continue-on-error": "True"}


@pytest.fixture(scope="module")
def http(cloud: Any, credential: Callable[[str], Any]) -> Iterator[httpx.Client]:
    with account(cloud, credential, "owner") as client:
        yield client


@pytest.fixture
def key() -> str:
    """A partition that no other test uses."""
    return uuid.uuid4().hex


def create(key: str, name: str, **properties: Any) -> dict[str, Any]:
    """A bulk's operation that creates an item."""
    body = {"id": name, "pk": key, **properties}
    return {"operationType": "Create", "partitionKey": json.dumps([key]), "resourceBody": body}


def on(key: str, kind: str, name: str, **properties: Any) -> dict[str, Any]:
    """A bulk's operation on an item that is there."""
    return {"operationType": kind, "partitionKey": json.dumps([key]), "id": name, **properties}


def statuses(answer: httpx.Response) -> list[int]:
    return [result["statusCode"] for result in answer.json()]


def test_a_bulk_holds_operations_of_many_keys(http: httpx.Client, key: str) -> None:
    """Each operation is done under its own partition key, and is answered in its place with the item and its etag."""
    other = f"{key}-other"
    operations = [
        create(key, "1", n=1),
        create(other, "1", n=2),
        on(key, "Patch", "1", resourceBody={"operations": [{"op": "incr", "path": "/n", "value": 5}]}),
        on(other, "Replace", "1", resourceBody={"id": "1", "pk": other, "n": 3}),
        on(key, "Read", "1"),
        on(other, "Delete", "1"),
        {**create(other, "2"), "operationType": "Upsert"},
    ]
    answer = http.post(DOCS, headers=BULK, json=operations)
    assert answer.status_code == 200
    assert statuses(answer) == [201, 201, 200, 200, 200, 204, 201]
    results = answer.json()
    assert (results[4]["resourceBody"]["n"], results[4]["eTag"]) == (6, results[2]["eTag"])
    assert http.get(f"{DOCS}/1", headers=key_header(key)).json()["n"] == 6
    assert http.get(f"{DOCS}/1", headers=key_header(other)).status_code == 404


def test_a_bulk_is_not_done_as_a_whole(http: httpx.Client, key: str) -> None:
    """An operation that fails undoes no other; a client that asks for it has the others done, too."""
    operations = [create(key, "1"), create(key, "1"), create(key, "2"), on(key, "Read", "3")]
    answer = http.post(DOCS, headers=GOING_ON, json=operations)
    assert answer.status_code == 207
    assert statuses(answer) == [201, 409, 201, 404]


def test_a_bulk_stops_at_a_failure_unless_told_to_go_on(http: httpx.Client, key: str) -> None:
    """What comes after the failure is answered 424 and not done; what came before stays."""
    operations = [create(key, "1"), create(key, "1"), create(key, "2")]
    answer = http.post(DOCS, headers={**BULK, "x-ms-cosmos-batch-continue-on-error": "False"}, json=operations)
    assert answer.status_code == 207
    assert statuses(answer) == [201, 409, 424]
    assert http.get(f"{DOCS}/1", headers=key_header(key)).status_code == 200
    assert http.get(f"{DOCS}/2", headers=key_header(key)).status_code == 404


@pytest.mark.parametrize(
    ("key", "status", "substatus"),
    [
        (None, 400, 0),
        (7, 400, 0),
        ("p", 400, 0),
        ('["p","q"]', 400, 0),
        ('["another"]', 400, 1001),
        ("[]", 400, 1001),
    ],
)
def test_an_operation_of_a_bulk_names_its_key(http: httpx.Client, key: Any, status: int, substatus: int) -> None:
    """An operation without its item's key fails alone, with the substatus of a wrong key if there is another."""
    wrong = {**create("p", uuid.uuid4().hex), "partitionKey": key}
    fine = create("p", uuid.uuid4().hex)
    answer = http.post(DOCS, headers=GOING_ON, json=[wrong, fine])
    assert statuses(answer) == [status, 201]
    assert answer.json()[0]["subStatusCode"] == substatus


def test_a_bulk_of_hierarchical_keys(http: httpx.Client, key: str) -> None:
    """An operation names all values of its key; a part of them is a wrong key."""
    item = {"id": "1", "country": key, "city": "Paris"}
    operation = {"operationType": "Create", "resourceBody": item}
    whole, part = ({**operation, "partitionKey": json.dumps([key, "Paris", *rest])} for rest in ([{}], []))
    answer = http.post(PLACES, headers=GOING_ON, json=[part, whole])
    assert statuses(answer) == [400, 201]
    assert answer.json()[0]["subStatusCode"] == 1001


def test_conditions_of_operations(http: httpx.Client, key: str) -> None:
    """An operation under a stale etag is 412, and a read under the current one is 304, with no body."""
    (created,) = http.post(DOCS, headers=BULK, json=[create(key, "1")]).json()
    operations = [
        on(key, "Read", "1", ifNoneMatch=created["eTag"]),
        on(key, "Replace", "1", ifMatch='"stale"', resourceBody={"id": "1", "pk": key}),
        on(key, "Delete", "1", ifMatch=created["eTag"]),
    ]
    answer = http.post(DOCS, headers=GOING_ON, json=operations)
    assert statuses(answer) == [304, 412, 204]
    assert "resourceBody" not in answer.json()[0]


@pytest.mark.parametrize("headers", [{**BULK}, {**BATCH, "x-ms-cosmos-batch-atomic": "True"}, BATCH])
def test_a_preference_for_no_bodies(http: httpx.Client, key: str, headers: dict[str, str]) -> None:
    """`Prefer: return=minimal`, or an operation's own preference, leaves out what was written; a read has its body."""
    headers = {**headers, **(key_header(key) if headers.get("x-ms-cosmos-batch-atomic") != "False" else {})}
    minimal = http.post(
        DOCS, headers={**headers, "prefer": "return=minimal"}, json=[create(key, "1"), on(key, "Read", "1")]
    )
    assert ["resourceBody" in result for result in minimal.json()] == [False, True]
    own = http.post(
        DOCS, headers=headers, json=[{**create(key, "2"), "minimalReturnPreference": True}, create(key, "3")]
    )
    assert ["resourceBody" in result for result in own.json()] == [False, True]


def test_a_transactional_batch_is_of_one_key(http: httpx.Client, key: str) -> None:
    """Under a partition key's header the operations are done as a whole, whatever keys they name themselves."""
    operations = [create(key, "1"), create(key, "1")]
    failed = http.post(DOCS, headers={**BATCH, **key_header(key)}, json=operations)
    assert (failed.status_code, statuses(failed)) == (207, [424, 409])
    assert http.get(f"{DOCS}/1", headers=key_header(key)).status_code == 404
    assert http.post(DOCS, headers=BATCH, json=operations[:1]).status_code == 400


@pytest.mark.parametrize("headers", [{**BATCH, **key_header("many")}, BULK], ids=["batch", "bulk"])
def test_a_batch_has_a_hundred_operations(http: httpx.Client, headers: dict[str, str]) -> None:
    """A hundred are done; one more, or none at all, is a 400."""
    upserts = [{**create("many", str(n)), "operationType": "Upsert"} for n in range(101)]
    assert http.post(DOCS, headers=headers, json=upserts[:100]).status_code == 200
    refused = http.post(DOCS, headers=headers, json=upserts)
    assert refused.status_code == 400
    assert "Batch request has more operations than what is supported" in refused.json()["message"]
    assert http.post(DOCS, headers=headers, json=[]).status_code == 400


@pytest.mark.parametrize("headers", [{**BATCH, **key_header("large")}, BULK], ids=["batch", "bulk"])
def test_a_batch_has_two_megabytes(http: httpx.Client, headers: dict[str, str]) -> None:
    """A request of more than 2 MiB is a 413, and nothing of it is done."""
    name = uuid.uuid4().hex
    large = [create("large", f"{name}-{n}", text="x" * 1_100_000) for n in range(2)]
    assert http.post(DOCS, headers=headers, json=large).status_code == 413
    assert http.get(f"{DOCS}/{name}-0", headers=key_header("large")).status_code == 404


def test_the_range_is_one_that_is_there(http: httpx.Client, key: str) -> None:
    """A physical partition is named by its id, alone or behind the container's; any other is gone."""
    rid = http.get("/dbs/shop/colls/items").json()["_rid"]
    named = {**BULK, "x-ms-documentdb-partitionkeyrangeid": f"{rid},0"}
    assert http.post(DOCS, headers=named, json=[create(key, "1")]).status_code == 200
    gone = http.post(DOCS, headers={**BULK, "x-ms-documentdb-partitionkeyrangeid": "1"}, json=[create(key, "2")])
    assert (gone.status_code, gone.headers["x-ms-substatus"]) == (410, "1002")
    assert http.get(f"{DOCS}/2", headers=key_header(key)).status_code == 404


@pytest.mark.parametrize("headers", [{**BULK}, {**key_header("binary"), "x-ms-documentdb-is-upsert": "True"}])
def test_binary_json_is_refused_in_words(http: httpx.Client, headers: dict[str, str]) -> None:
    """Cosmos DB's own binary JSON is a 400 that says what to turn off."""
    refused = http.post(DOCS, headers=headers, content=b"\x80\x00\x00")
    assert refused.status_code == 400
    assert "Turn the client's binary encoding off" in refused.json()["message"]


def test_a_batch_in_hybrid_row_is_done_and_answered(http: httpx.Client) -> None:
    """A batch as the .NET client writes it is done, and its answer is HybridRow, too; a refusal of it is JSON."""
    key = key_header("p")
    http.delete(f"{DOCS}/created", headers=key)
    sent = base64.b64decode(CREATE_READ_UPSERT)
    answer = http.post(DOCS, headers={**BATCH, **key}, content=sent)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
    results = [read_row(RESULT, row) for row in read_records(answer.content)]
    assert [result["statusCode"] for result in results] == [201, 200, 200]
    assert [json.loads(result["resourceBody"])["value"] for result in results] == [1, 1, 2]
    assert http.get(f"{DOCS}/created", headers=key).json()["value"] == 2
    again = http.post(DOCS, headers={**BATCH, **key}, content=sent)
    assert again.status_code == 207
    assert [read_row(RESULT, row)["statusCode"] for row in read_records(again.content)] == [409, 424, 424]
    refused = http.post(DOCS, headers=BATCH, content=sent)
    assert (refused.status_code, refused.json()["code"]) == (400, "BadRequest")
