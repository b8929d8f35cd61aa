"""The headers by which clients of every language ask, and those that they read.

https://github.com/Azure/azure-sdk-for-java/blob/main/sdk/cosmos/azure-cosmos/src/main/java/com/azure/cosmos/implementation/HttpConstants.java
"""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from harness.cosmos import account, key_header

CONTAINER = "/dbs/shop/colls/items"
DOCS = f"{CONTAINER}/docs"
QUERY = {"x-ms-documentdb-isquery": "True", "content-type": "application/query+json"}
UPSERT = {"x-ms-documentdb-is-upsert": "True"}
KEY = key_header("headers")
ALL = {"query": "SELECT * FROM c"}
ITEM = {"id": "h", "pk": "headers"}


@pytest.fixture(scope="module")
def http(cloud: Any, credential: Callable[[str], Any]) -> Iterator[httpx.Client]:
    with account(cloud, credential, "administrator") as client:
        client.post(DOCS, headers={**KEY, **UPSERT}, json=ITEM)
        yield client


# Each kind of answer, and the path of its resource's parent.
ANSWERS = {
    "account": ("GET", "/", {}, None, None),
    "databases": ("GET", "/dbs", {}, None, None),
    "database": ("GET", "/dbs/shop", {}, None, None),
    "containers": ("GET", "/dbs/shop/colls", {}, None, "dbs/shop"),
    "container": ("GET", CONTAINER, {}, None, "dbs/shop"),
    "ranges": ("GET", f"{CONTAINER}/pkranges", {}, None, "dbs/shop/colls/items"),
    "create": ("POST", DOCS, {**KEY, **UPSERT}, ITEM, "dbs/shop/colls/items"),
    "read": ("GET", f"{DOCS}/h", KEY, None, "dbs/shop/colls/items"),
    "replace": ("PUT", f"{DOCS}/h", KEY, ITEM, "dbs/shop/colls/items"),
    "patch": ("PATCH", f"{DOCS}/h", KEY, [{"op": "set", "path": "/n", "value": 1}], "dbs/shop/colls/items"),
    "query": ("POST", DOCS, {**KEY, **QUERY}, ALL, "dbs/shop/colls/items"),
    "documents": ("GET", DOCS, KEY, None, "dbs/shop/colls/items"),
    "changes": ("GET", DOCS, {**KEY, "a-im": "Incremental Feed"}, None, "dbs/shop/colls/items"),
    "no changes": (
        "GET",
        DOCS,
        {**key_header("empty"), "a-im": "Incremental Feed"},
        None,
        "dbs/shop/colls/items",
    ),
    "batch": (
        "POST",
        DOCS,
        {**KEY, "x-ms-cosmos-is-batch-request": "True"},
        [{"operationType": "Read", "id": "h"}],
        "dbs/shop/colls/items",
    ),
    "conflicts": ("GET", f"{CONTAINER}/conflicts", {}, None, "dbs/shop/colls/items"),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_the_content_path_is_the_parents(http: httpx.Client, kind: str) -> None:
    """`x-ms-alt-content-path` names the parent of what is answered, `x-ms-content-path` is its resource id."""
    method, path, headers, body, parent = ANSWERS[kind]
    answer = http.request(method, path, headers=headers, content=None if body is None else json.dumps(body))
    assert answer.status_code < 400
    assert answer.headers.get("x-ms-alt-content-path") == parent
    rid = None if parent is None else http.get(f"/{parent}").json()["_rid"]
    assert answer.headers.get("x-ms-content-path") == rid


def test_the_conflicts_feed_is_empty(http: httpx.Client) -> None:
    """One region makes no conflicts, which is an answer and no refusal; a conflict by name is missing."""
    answer = http.get(f"{CONTAINER}/conflicts/")
    assert (answer.status_code, answer.json()["Conflicts"], answer.json()["_count"]) == (200, [], 0)
    assert http.post(f"{CONTAINER}/conflicts", headers=QUERY, json=ALL).json()["Conflicts"] == []
    assert http.get(f"{CONTAINER}/conflicts/1", headers=KEY).status_code == 404
    assert http.delete(f"{CONTAINER}/conflicts/1", headers=KEY).status_code == 404


@pytest.mark.parametrize("path", ["/addresses/?$resolveFor=dbs", "//addresses/?$resolveFor=dbs", "//addresses"])
def test_direct_mode_is_refused_in_words(http: httpx.Client, path: str) -> None:
    """A client that asks for the replicas' addresses is told to use gateway mode."""
    answer = http.get(httpx.URL(str(http.base_url).rstrip("/") + path))
    assert answer.status_code == 400
    assert "Use gateway mode" in answer.json()["message"]


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({"x-ms-documentdb-pre-trigger-include": "check"}, "triggers"),
        ({"x-ms-documentdb-post-trigger-include": "check"}, "triggers"),
    ],
)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", DOCS, {"id": "triggered", "pk": "headers"}),
        ("PUT", f"{DOCS}/h", ITEM),
        ("PATCH", f"{DOCS}/h", [{"op": "set", "path": "/n", "value": 1}]),
        ("DELETE", f"{DOCS}/h", None),
    ],
)
def test_triggers_are_refused_in_words(
    http: httpx.Client, headers: dict[str, str], named: str, method: str, path: str, body: Any
) -> None:
    """A write that names a trigger is not done without it."""
    content = None if body is None else json.dumps(body)
    answer = http.request(method, path, headers={**KEY, **headers}, content=content)
    assert answer.status_code == 400
    assert named in answer.json()["message"]
    assert http.get(f"{DOCS}/h", headers=KEY).status_code == 200
    assert http.get(f"{DOCS}/triggered", headers=KEY).status_code == 404


def test_stored_procedures_are_refused_in_words(http: httpx.Client) -> None:
    """A call is a 400 that says why; to make one is the control plane's."""
    called = http.post(f"{CONTAINER}/sprocs/p", headers=KEY, json=[])
    assert called.status_code == 400
    assert "stored procedures are not there" in called.json()["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *((method, f"{CONTAINER}/{kind}") for kind in ("sprocs", "triggers", "udfs") for method in ("GET", "POST")),
        *((method, f"{CONTAINER}/{kind}/1") for kind in ("sprocs", "triggers", "udfs") for method in ("PUT", "DELETE")),
        ("GET", "/offers"),
        ("POST", "/offers"),
        ("PUT", "/offers/1"),
        ("POST", "/dbs"),
        ("DELETE", "/dbs/shop"),
        ("POST", "/dbs/shop/colls"),
        ("PUT", CONTAINER),
        ("DELETE", CONTAINER),
        ("GET", "/dbs/shop/users"),
        ("POST", f"{CONTAINER}/operations/partitionkeydelete"),
    ],
)
def test_what_no_entra_token_may_do(http: httpx.Client, method: str, path: str) -> None:
    """Throughput, scripts, users, databases and containers are the control plane's: 403 with substatus 5300."""
    answer = http.request(method, path, headers=KEY, json={})
    assert (answer.status_code, answer.headers["x-ms-substatus"]) == (403, "5300")
    assert "cannot be authorized by AAD token in data plane" in answer.json()["message"]


READS = {
    "read": ("GET", f"{DOCS}/h", KEY, None),
    "query": ("POST", DOCS, {**KEY, **QUERY}, ALL),
    "documents": ("GET", DOCS, KEY, None),
    "changes": ("GET", DOCS, {**KEY, "a-im": "Incremental Feed"}, None),
}


@pytest.mark.parametrize("kind", READS)
@pytest.mark.parametrize(
    ("level", "status"),
    [
        ("Strong", 400),
        ("BoundedStaleness", 400),
        ("Session", 200),
        ("ConsistentPrefix", 200),
        ("Eventual", 200),
        ("eventual", 200),
        ("Certain", 400),
    ],
)
def test_a_request_asks_for_no_stronger_consistency(http: httpx.Client, kind: str, level: str, status: int) -> None:
    """The account's level is Session: a weaker one may be asked for, a stronger or unknown one is a 400."""
    method, path, headers, body = READS[kind]
    answer = http.request(method, path, headers={**headers, "x-ms-consistency-level": level}, json=body)
    assert answer.status_code == status
    if level == "Strong":
        assert "ConsistencyLevel Strong specified in the request is invalid" in answer.json()["message"]


@pytest.mark.parametrize("kind", READS)
@pytest.mark.parametrize(
    ("token", "status", "substatus"),
    [
        ("{now}", 200, None),
        ("0:-1#1", 200, None),
        ("0:1", 200, None),
        ("0:-1#1#3=5", 200, None),
        ("7:-1#999999999", 200, None),
        ("0:-1#999999999", 404, "1002"),
        ("1:-1#5,0:-1#999999999#1=7", 404, "1002"),
        ("0:999999999", 404, "1002"),
        ("later", 400, None),
        ("0:-1#", 400, None),
        ("0:-1#" + "9" * 30, 400, None),
    ],
)
def test_a_read_goes_on_with_its_session(
    http: httpx.Client, kind: str, token: str, status: int, substatus: str | None
) -> None:
    """A session's token is one that the account has given. A later write than any is a 404 that clients try again."""
    method, path, headers, body = READS[kind]
    now = http.get(f"{DOCS}/h", headers=KEY).headers["x-ms-session-token"]
    asked = {**headers, "x-ms-session-token": token.format(now=now)}
    answer = http.request(method, path, headers=asked, json=body)
    assert (answer.status_code, answer.headers.get("x-ms-substatus")) == (status, substatus)
    if substatus:
        weaker = http.request(method, path, headers={**asked, "x-ms-consistency-level": "Eventual"}, json=body)
        assert weaker.status_code == 200


@pytest.mark.parametrize("kind", ["query", "documents", "changes"])
@pytest.mark.parametrize(("named", "status"), [("0", 200), ("{rid},0", 200), ("1", 410), ("{rid},7", 410)])
def test_a_physical_partition_is_one_that_is_there(http: httpx.Client, kind: str, named: str, status: int) -> None:
    """Any other than the container's one is gone, with the substatus by which clients read the list of them anew."""
    method, path, headers, body = READS[kind]
    rid = http.get(CONTAINER).json()["_rid"]
    asked = {**headers, "x-ms-documentdb-partitionkeyrangeid": named.format(rid=rid)}
    answer = http.request(method, path, headers=asked, json=body)
    assert (answer.status_code, answer.headers.get("x-ms-substatus")) == (status, "1002" if status == 410 else None)


@pytest.mark.parametrize("kind", READS)
@pytest.mark.parametrize(
    "headers",
    [
        {"x-ms-cosmos-supported-serialization-formats": "JsonText,CosmosBinary"},
        {"x-ms-cosmos-supported-serialization-formats": "CosmosBinary"},
        {"x-ms-cosmos-sdk-supportedcapabilities": "1"},
        {"x-ms-cosmos-correlated-activityid": "5b5e8f2e-0000-4000-8000-000000000000"},
        {"x-ms-cosmos-priority-level": "Low", "x-ms-cosmos-throughput-bucket": "1"},
        {"x-ms-dedicatedgateway-max-age": "5", "x-ms-dedicatedgateway-bypass-cache": "true"},
        {"x-ms-cosmos-allow-tentative-writes": "true"},
        {"x-ms-documentdb-populatequotainfo": "true", "x-ms-cosmos-populateindexmetrics": "true"},
        {"x-ms-documentdb-responsecontinuationtokenlimitinkb": "1"},
        {"x-ms-documentdb-query-enable-scan": "true", "x-ms-documentdb-query-parallelizecrosspartitionquery": "true"},
        {"x-ms-version": "2020-07-15"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_what_other_clients_send_is_taken(http: httpx.Client, kind: str, headers: dict[str, str]) -> None:
    """A header that changes nothing here is no reason to refuse, and the answer is JSON."""
    method, path, own, body = READS[kind]
    answer = http.request(method, path, headers={**own, **headers}, json=body)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    answer.json()


EMPTY = (
    "x-ms-continuation",
    "x-ms-session-token",
    "x-ms-consistency-level",
    "x-ms-max-item-count",
    "x-ms-documentdb-partitionkeyrangeid",
    "x-ms-start-epk",
    "x-ms-end-epk",
    "if-none-match",
    "if-modified-since",
    "x-ms-documentdb-pre-trigger-include",
)


@pytest.mark.parametrize("kind", READS)
@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_header_is_none(http: httpx.Client, kind: str, name: str) -> None:
    """A header without a value, as the Java client sends some, is answered like a request without it."""
    method, path, headers, body = READS[kind]
    without = http.request(method, path, headers=headers, json=body)
    answer = http.request(method, path, headers={**headers, name: ""}, json=body)
    assert (answer.status_code, answer.content) == (without.status_code, without.content)


def test_a_page_holds_four_megabytes(http: httpx.Client) -> None:
    """Feeds and queries end a page at 4 MB, whatever the client's count, and go on behind it; one row fits always."""
    key = uuid.uuid4().hex
    for n in range(6):
        http.post(DOCS, headers=key_header(key), json={"id": str(n), "pk": key, "n": n, "text": "x" * 1_500_000})
    pages = {
        "documents": ("GET", {}, None),
        "changes": ("GET", {"a-im": "Incremental Feed"}, None),
        "query": ("POST", QUERY, ALL),
        "sorted": ("POST", QUERY, {"query": "SELECT * FROM c ORDER BY c.n DESC"}),
        "grouped": ("POST", QUERY, {"query": "SELECT DISTINCT VALUE CONCAT(c.text, c.id) FROM c"}),
    }
    for kind, (method, headers, body) in pages.items():
        place, sizes = "", []
        while True:
            at = {"if-none-match" if kind == "changes" else "x-ms-continuation": place} if place else {}
            asked = {**key_header(key), **headers, **at, "x-ms-max-item-count": "-1"}
            answer = http.request(method, DOCS, headers=asked, json=body)
            if answer.status_code == 304:
                break
            assert len(answer.content) < 4 * 1024 * 1024 + 1_000
            sizes.append(answer.json()["_count"])
            place = answer.headers.get("etag" if kind == "changes" else "x-ms-continuation", "")
            if not place:
                break
        assert sizes == [2, 2, 2], kind
    http.post(DOCS, headers=key_header(key), json={"id": "wide", "pk": key, "text": "é" * 1_000_000})
    wide = http.post(
        DOCS, headers={**key_header(key), **QUERY}, json={"query": "SELECT VALUE [c, c] FROM c WHERE c.id = 'wide'"}
    )
    assert wide.json()["_count"] == 1
