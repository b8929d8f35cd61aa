"""Requests as other clients send them, and such as no client should: each gets Cosmos DB's own shape of answer."""

import base64
import json
import ssl
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CONTAINER = "/dbs/shop/colls/items"
DOCS = f"{CONTAINER}/docs"
KEY = {"x-ms-documentdb-partitionkey": '["requests"]'}
QUERY = {"x-ms-documentdb-isquery": "True", "content-type": "application/query+json"}


@pytest.fixture(scope="module")
def http(cloud: Any, credential: Callable[[str], Any]) -> Iterator[httpx.Client]:
    token = credential("owner").get_token("https://cosmos.azure.com/.default").token
    headers = {"authorization": quote(f"type=aad&ver=1.0&sig={token}", safe="")}
    tls = ssl.create_default_context(cafile=cloud.ca_bundle)
    url = f"https://{cloud.cloud.settings.cosmos_host}"
    with httpx.Client(base_url=url, proxy=cloud.cloud.proxy_url, verify=tls, headers=headers) as client:
        yield client


def test_account_names_itself(cloud: Any, http: httpx.Client) -> None:
    """The account's endpoints are its own name, and what query engines of other languages read is there."""
    account = http.get("/").json()
    own = f"https://{cloud.cloud.settings.cosmos_host}/"
    for kind in ("readableLocations", "writableLocations"):
        assert [location["databaseAccountEndpoint"] for location in account[kind]] == [own]
    assert isinstance(json.loads(account["queryEngineConfiguration"]), dict)
    assert account["enableNRegionSynchronousCommit"] is False


def test_resource_ids_contain_one_another(http: httpx.Client) -> None:
    """A database's id is 4 bytes, a collection's those and 4 with the top bit set, a document's those and 8."""
    item = http.post(DOCS, headers={**KEY, "x-ms-documentdb-is-upsert": "True"}, json={"id": "r", "pk": "requests"})
    database = base64.b64decode(http.get("/dbs/shop").json()["_rid"])
    collection = base64.b64decode(http.get(CONTAINER).json()["_rid"], b"+-")
    document = base64.b64decode(item.json()["_rid"], b"+-")
    assert (len(database), len(collection), len(document)) == (4, 8, 16)
    assert collection.startswith(database)
    assert document.startswith(collection)
    assert collection[4] & 0x80


def test_partition_key_ranges_are_read_once(http: httpx.Client) -> None:
    """One range covers all keys; asked again under its etag, the answer is 304."""
    first = http.get(f"{CONTAINER}/pkranges/")
    (only,) = first.json()["PartitionKeyRanges"]
    assert (only["minInclusive"], only["maxExclusive"]) == ("", "FF")
    again = http.get(f"{CONTAINER}/pkranges/", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_item_answers_carry_the_headers_that_clients_read(http: httpx.Client) -> None:
    """Etag, charge, activity, session and the path by names; a read under the current etag is 304."""
    written = http.post(DOCS, headers={**KEY, "x-ms-documentdb-is-upsert": "true"}, json={"id": "h", "pk": "requests"})
    assert written.headers["etag"] == written.json()["_etag"]
    assert written.headers["x-ms-alt-content-path"] == CONTAINER.strip("/")
    assert written.headers["x-ms-session-token"].startswith("0:-1#")
    assert {"x-ms-request-charge", "x-ms-activity-id"} <= set(written.headers)
    unchanged = http.get(f"{DOCS}/h", headers={**KEY, "if-none-match": written.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_a_query_plan_is_given(http: httpx.Client) -> None:
    """A client that plans is told what to do itself and what to send to the one range; a bad query is a 400, too."""
    headers = {"x-ms-cosmos-is-query-plan-request": "True", "x-ms-cosmos-supported-query-features": "OrderBy, Top"}
    plan = http.post(DOCS, headers=headers, json={"query": "SELECT TOP 1 VALUE c.n FROM c ORDER BY c.n DESC"}).json()
    assert plan["queryRanges"] == [{"min": "", "max": "FF", "isMinInclusive": True, "isMaxInclusive": False}]
    assert (plan["queryInfo"]["top"], plan["queryInfo"]["orderBy"]) == (1, ["Descending"])
    for query in ("SELECT", "SELECT VALUE COUNT(1) FROM c"):
        assert http.post(DOCS, headers=headers, json={"query": query}).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "SELECT VALUE COUNT(1) FROM c",
        "SELECT COUNT(1) FROM c",
        "SELECT c.n FROM c GROUP BY c.n",
        "SELECT DISTINCT c.n FROM c",
        "SELECT TOP 1 * FROM c",
        "SELECT * FROM c ORDER BY c.n",
        "SELECT * FROM c OFFSET 0 LIMIT 1",
    ],
)
def test_the_gateway_leaves_queries_across_partitions_to_the_client(http: httpx.Client, query: str) -> None:
    """What a client has to put together is refused with substatus 1004 and the plan for it, unless a key is named."""
    everywhere = {**QUERY, "x-ms-documentdb-query-enablecrosspartition": "True"}
    answer = http.post(DOCS, headers=everywhere, json={"query": query})
    assert (answer.status_code, answer.headers["x-ms-substatus"]) == (400, "1004")
    assert "can not be directly served by the gateway" in answer.json()["message"]
    assert set(json.loads(answer.json()["additionalErrorInfo"])) >= {"queryInfo", "queryRanges"}
    for headers in ({**QUERY, **KEY}, {**everywhere, "x-ms-documentdb-partitionkeyrangeid": "0"}):
        assert http.post(DOCS, headers=headers, json={"query": query}).status_code == 200
    plain = http.post(DOCS, headers=everywhere, json={"query": "SELECT VALUE c.n FROM c WHERE c.n > 1"})
    assert plain.status_code == 200


def test_query_metrics_are_sent_if_asked_for(http: httpx.Client) -> None:
    """The header tells of documents read and given, and is there for a client that asks for it alone."""
    body = {"query": "SELECT VALUE c.id FROM c WHERE c.id = 'metrics'"}
    http.post(DOCS, headers={**KEY, "x-ms-documentdb-is-upsert": "True"}, json={"id": "metrics", "pk": "requests"})
    asking = {**KEY, **QUERY, "x-ms-documentdb-populatequerymetrics": "True"}
    answer = http.post(DOCS, headers=asking, json=body)
    metrics = dict(pair.split("=") for pair in answer.headers["x-ms-documentdb-query-metrics"].split(";"))
    assert (int(metrics["outputDocumentCount"]), metrics["outputDocumentSize"]) == (1, str(len('"metrics"')))
    assert int(metrics["retrievedDocumentCount"]) >= 1
    assert float(metrics["totalExecutionTimeInMs"]) >= float(metrics["queryCompileTimeInMs"]) >= 0
    assert "x-ms-documentdb-query-metrics" not in http.post(DOCS, headers={**KEY, **QUERY}, json=body).headers


@pytest.mark.parametrize(("order", "backward"), [("c.n", False), ("c.n DESC, c.id", True)])
def test_a_sorted_page_tells_how_equal_rows_are_ordered(http: httpx.Client, order: str, backward: bool) -> None:
    """A client that resumes a query skips the rows with equal keys by it."""
    answer = http.post(DOCS, headers={**KEY, **QUERY}, json={"query": f"SELECT * FROM c ORDER BY {order}"})  # noqa: S608
    info = json.loads(answer.headers["x-ms-cosmos-query-execution-info"])
    assert info == {"reverseRidEnabled": False, "reverseIndexScan": backward}
    plain = http.post(DOCS, headers={**KEY, **QUERY}, json={"query": "SELECT * FROM c"})
    assert "x-ms-cosmos-query-execution-info" not in plain.headers


def test_an_empty_continuation_is_none(http: httpx.Client) -> None:
    """The header without a value, as one client sends it, asks for the first page."""
    headers = {**KEY, "x-ms-continuation": ""}
    assert http.post(DOCS, headers={**headers, **QUERY}, json={"query": "SELECT * FROM c"}).status_code == 200
    assert http.get(DOCS, headers=headers).status_code == 200


LARGEST = 2 * 1024 * 1024
CJK, EMOJI = "中", "🙂"  # three bytes and four


def item_of_size(size: int, letter: str) -> bytes:
    """An item of this many bytes in UTF-8, most of it this letter."""
    frame = len(b'{"id":"sized","pk":"requests","text":""}')
    letters, rest = divmod(size - frame, len(letter.encode()))
    return f'{{"id":"sized","pk":"requests","text":"{letter * letters}{"a" * rest}"}}'.encode()


@pytest.mark.parametrize("letter", ["a", "é", CJK, EMOJI])
def test_an_item_is_measured_in_bytes_of_utf_8(http: httpx.Client, letter: str) -> None:
    """Up to two mebibytes as they are sent, whatever its letters are, and what comes back is what was sent."""
    upsert = {**KEY, "x-ms-documentdb-is-upsert": "True"}
    largest, larger = item_of_size(LARGEST, letter), item_of_size(LARGEST + 1, letter)
    assert (len(largest), len(larger)) == (LARGEST, LARGEST + 1)
    assert http.post(DOCS, headers=upsert, content=larger).status_code == 413
    stored = http.post(DOCS, headers=upsert, content=largest)
    assert stored.status_code in (200, 201)
    text = json.loads(largest)["text"]
    assert stored.json()["text"] == text
    assert http.get(f"{DOCS}/sized", headers=KEY).json()["text"] == text
    grown = {"operations": [{"op": "set", "path": "/more", "value": "x"}]}
    assert http.patch(f"{DOCS}/sized", headers=KEY, json=grown).status_code == 413


def test_escapes_count_as_they_are_sent(http: httpx.Client) -> None:
    """A request of more than two mebibytes is refused, though the item in it would be small enough."""
    escaped = json.dumps({"id": "sized", "pk": "requests", "text": CJK * 400_000}).encode()
    assert len(escaped) > LARGEST
    assert http.post(DOCS, headers={**KEY, "x-ms-documentdb-is-upsert": "True"}, content=escaped).status_code == 413


DEEP = "[" * 100_000
TEXT = {"content-type": "text/plain"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("POST", DOCS, KEY, "", 400),
        ("POST", DOCS, KEY, "{", 400),
        ("POST", DOCS, KEY, "[]", 400),
        ("POST", DOCS, KEY, "null", 400),
        ("POST", DOCS, KEY, b"\xff\xfe", 400),
        ("POST", DOCS, KEY, DEEP, 400),
        ("POST", DOCS, KEY, '{"a":' * 200 + "1" + "}" * 200, 400),
        ("POST", DOCS, KEY, '{"id":"1","pk":"requests","n":NaN}', 400),
        ("POST", DOCS, KEY, '{"id":"1","pk":"requests","n":1e999}', 400),
        ("POST", DOCS, KEY, '{"id":"\\ud800","pk":"requests"}', 400),
        ("POST", DOCS, KEY, '{"pk":"requests"}', 400),
        ("POST", DOCS, KEY, '{"id":1,"pk":"requests"}', 400),
        ("POST", DOCS, KEY, '{"id":"1","pk":"another"}', 400),
        ("POST", DOCS, KEY, '{"id":"1","pk":{"a":1}}', 400),
        ("POST", DOCS, KEY, '{"id":"1","pk":"requests","ttl":0}', 400),
        ("POST", DOCS, KEY, '{"id":"1","pk":"requests","ttl":"soon"}', 400),
        ("POST", DOCS, {}, '{"id":"1","pk":"requests"}', 400),
        ("POST", DOCS, {"x-ms-documentdb-partitionkey": "requests"}, '{"id":"1","pk":"requests"}', 400),
        ("POST", DOCS, {"x-ms-documentdb-partitionkey": '["a","b"]'}, '{"id":"1","pk":"requests"}', 400),
        ("GET", f"{DOCS}/1", {}, "", 400),
        ("GET", f"{DOCS}/{quote('é%', safe='')}", KEY, "", 404),
        ("GET", f"{DOCS}/{quote('a/b', safe='')}", KEY, "", 404),
        ("GET", f"{DOCS}/1/attachments", KEY, "", 404),
        ("PUT", f"{DOCS}/{quote('a/b', safe='')}", KEY, '{"id":"a/b","pk":"requests"}', 400),
        ("PUT", f"{DOCS}/1", KEY, '{"id":"2","pk":"requests"}', 404),
        ("PATCH", f"{DOCS}/1", KEY, '{"operations":[]}', 400),
        ("PATCH", f"{DOCS}/1", KEY, '{"operations":7}', 400),
        ("PATCH", f"{DOCS}/1", KEY, '{"operations":[7]}', 400),
        ("PATCH", f"{DOCS}/1", KEY, '{"condition":"from","operations":[{"op":"remove","path":"/a"}]}', 400),
        ("PATCH", f"{DOCS}/1", KEY, '{"condition":"from c","operations":[{"op":"remove","path":"/a"}]}', 400),
        ("PATCH", f"{DOCS}/1", KEY, '{"condition":"from c where c.value=1","operations":[{"op":"incr"}]}', 400),
        ("PATCH", f"{DOCS}/1", KEY, '{"condition":"from c where true order by c.n","operations":[7]}', 400),
        ("PATCH", f"{DOCS}/1", KEY, '{"condition":"from c join t in c.t where true","operations":[7]}', 400),
        ("POST", DOCS, {**KEY, "x-ms-cosmos-is-batch-request": "True"}, "{}", 400),
        ("POST", DOCS, {**KEY, "x-ms-cosmos-is-batch-request": "True"}, "[1]", 400),
        ("POST", DOCS, {**KEY, "x-ms-cosmos-is-batch-request": "True"}, '[{"operationType":"Explode"}]', 400),
        ("POST", DOCS, {**KEY, **QUERY}, "SELECT * FROM c", 400),
        ("POST", DOCS, {**KEY, **QUERY}, '{"query":7}', 400),
        ("POST", DOCS, {**KEY, **QUERY}, '{"query":"SELECT * FROM c","parameters":{"@a":1}}', 400),
        ("POST", DOCS, {**KEY, **QUERY}, '{"query":"SELECT * FROM c","parameters":[{"name":"@a"}]}', 400),
        ("POST", DOCS, {**KEY, **QUERY}, json.dumps({"query": f"SELECT {'(' * 20_000}1"}), 400),
        ("POST", DOCS, {**KEY, **QUERY}, json.dumps({"query": f"SELECT {'NOT ' * 5_000}true"}), 400),
        ("POST", DOCS, {**KEY, **QUERY}, '{"query":"SELECT TOP -1 * FROM c"}', 400),
        ("POST", DOCS, {**KEY, **QUERY, "x-ms-max-item-count": "0"}, '{"query":"SELECT * FROM c"}', 400),
        ("POST", DOCS, {**KEY, **QUERY, "x-ms-max-item-count": "ten"}, '{"query":"SELECT * FROM c"}', 400),
        ("POST", DOCS, {**KEY, **QUERY, "x-ms-continuation": "junk"}, '{"query":"SELECT * FROM c"}', 400),
        ("POST", DOCS, {**KEY, **QUERY, "x-ms-continuation": "[[1],2,3,4]"}, '{"query":"SELECT * FROM c"}', 400),
        ("POST", DOCS, {**KEY, **QUERY, "x-ms-continuation": "[[],0,0,-5]"}, '{"query":"SELECT TOP 9 * FROM c"}', 400),
        ("POST", DOCS, {**KEY, **QUERY, "x-ms-continuation": "[1,2]"}, '{"query":"SELECT VALUE COUNT(1) FROM c"}', 400),
        ("POST", DOCS, {**QUERY, "x-ms-start-epk": "low", "x-ms-end-epk": "0F"}, '{"query":"SELECT * FROM c"}', 400),
        ("GET", DOCS, {"x-ms-continuation": "junk"}, "", 400),
        ("GET", DOCS, {"a-im": "Full-Fidelity Feed"}, "", 400),
        ("GET", DOCS, {"a-im": "Incremental Feed", "if-none-match": "junk"}, "", 400),
        ("GET", DOCS, {"a-im": "Incremental Feed", "if-modified-since": "yesterday"}, "", 400),
        ("GET", "/dbs/missing", {}, "", 404),
        ("GET", "/dbs/missing/colls/items", {}, "", 404),
        ("DELETE", CONTAINER, {}, "", 403),
        ("PUT", DOCS, KEY, "{}", 403),
        ("GET", f"{CONTAINER}/sprocs", {}, "", 403),
        ("POST", "/", TEXT, "hello", 403),
        ("TRACE", "/", {}, "", 405),
    ],
)
def test_bad_request_is_refused_in_the_services_own_form(
    http: httpx.Client, method: str, path: str, headers: dict[str, str], body: str | bytes, status: int
) -> None:
    """Whatever is wrong, the answer is the right status with a code, a message and an activity id."""
    answer = http.request(method, path, headers=headers, content=body)
    assert answer.status_code == status
    refusal = answer.json()
    assert set(refusal) == {"code", "message"}
    assert f"ActivityId: {answer.headers['x-ms-activity-id']}" in refusal["message"]
    assert "Traceback" not in refusal["message"]


def test_wrong_partition_key_says_which_error_it_is(http: httpx.Client) -> None:
    """The mismatch has a substatus of its own, by which clients refresh what they know of the container."""
    answer = http.post(DOCS, headers=KEY, json={"id": "1", "pk": "another"})
    assert answer.headers["x-ms-substatus"] == "1001"
    assert "PartitionKey extracted from document doesn't match" in answer.json()["message"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
VOCABULARY = """
    SELECT VALUE TOP DISTINCT FROM WHERE ORDER BY OFFSET LIMIT AND OR NOT IN BETWEEN JOIN AS COUNT( SUM( LOWER(
    CONTAINS( c c.n c['x'] [ ] ( ) { } , : * + - / % || = != <= > 1 2.5 'text' "t" @p true null undefined -- 'open \\
"""
WORDS = st.sampled_from(VOCABULARY.split())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(WORDS, max_size=12), parameter=JSON, free=st.text(max_size=30))
def test_no_query_breaks_the_service(http: httpx.Client, words: list[str], parameter: Any, free: str) -> None:
    """Any text as a query is answered or refused, never a failure of the service's own."""
    for query in (" ".join(words), f"SELECT * FROM c WHERE {' '.join(words)}", free):  # noqa: S608 (queries are what is tested)
        body = json.dumps({"query": query, "parameters": [{"name": "@p", "value": parameter}]})
        assert http.post(DOCS, headers={**KEY, **QUERY}, content=body).status_code in (200, 400)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=JSON, operations=st.lists(JSON, max_size=3), header=st.text('[]{}"ab1,null\\', max_size=12))
def test_no_document_breaks_the_service(http: httpx.Client, document: Any, operations: Any, header: str) -> None:
    """Any JSON as an item, a patch or a batch, under any partition key, is stored or refused."""
    headers, expected = {"x-ms-documentdb-partitionkey": header}, {200, 201, 207, 400, 404, 409, 412}
    upsert = {**headers, "x-ms-documentdb-is-upsert": "True"}
    batch = {**headers, "x-ms-cosmos-is-batch-request": "True"}
    assert http.post(DOCS, headers=upsert, content=json.dumps(document)).status_code in expected
    assert http.patch(f"{DOCS}/1", headers=headers, content=json.dumps(operations)).status_code in expected
    assert http.post(DOCS, headers=batch, content=json.dumps(operations)).status_code in expected
