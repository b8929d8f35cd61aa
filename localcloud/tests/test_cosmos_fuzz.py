"""Requests of any kind: each is answered or refused in Cosmos DB's own form, and none makes the service fail."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import localcloud.cosmos
import pytest
from harness.cosmos import account
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SOURCES = "".join(file.read_text() for file in Path(localcloud.cosmos.__file__).parent.glob("*.py"))
NAMES = sorted(set(re.findall(r'"(x-ms-[a-z0-9-]+|if-[a-z]+-?[a-z]+|a-im|prefer|content-type)"', SOURCES)))
TELLING = r"""
True|False|0|1|-1|7|100|999999999999999999999|0:-1#5|0:-1#99999999|1:2#3#4=5|*|"0"|"junk"
[]|[{}]|[[]]|[null]|[1.0]|["fuzz"]|["fuzz","more"]|["\ud800"]|[1e999]|[NaN]|{"a":1}|{}
FF|00|1F|fe|Session|Strong|Eventual|return=minimal|application/query+json|Incremental Feed|Full-Fidelity Feed
Aggregate,OrderBy|[[],0,0,null]|[null,1,0,null]|[[[1]],5,0,3]|Wed, 25 Nov 2026 17:00:00 GMT|2020-07-15|dGVzdA==
"""
VALUES = st.sampled_from(re.split(r"[|\n]", TELLING.strip())) | st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30
)
HEADERS = st.dictionaries(
    st.sampled_from(NAMES), VALUES.map(lambda text: text.strip().encode("latin-1", "replace")), max_size=6
)
SEGMENTS = st.sampled_from(
    [
        "dbs",
        "shop",
        "colls",
        "items",
        "places",
        "docs",
        "fuzz",
        "pkranges",
        "conflicts",
        "sprocs",
        "addresses",
        "",
        "offers",
    ]
) | st.text(max_size=8).map(lambda text: quote(text.encode("utf-8", "surrogatepass"), safe=""))
PATHS = st.sampled_from(
    [
        "/dbs/shop/colls/items/docs",
        "/dbs/shop/colls/places/docs",
        "/dbs/shop/colls/items/docs/fuzz",
        "/dbs/shop/colls/places/docs/fuzz",
        "/dbs/shop/colls/items/conflicts",
        "/dbs/shop/colls/items",
    ]
) | st.lists(SEGMENTS, max_size=8).map(lambda segments: "/" + "/".join(segments))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
OPERATIONS = st.fixed_dictionaries(
    {"operationType": st.sampled_from(["Create", "Upsert", "Read", "Replace", "Patch", "Delete", "Other"])},
    optional={
        "partitionKey": VALUES | JSON,
        "id": st.just("fuzz") | JSON,
        "resourceBody": st.just({"id": "fuzz", "pk": "fuzz"}) | JSON,
        "ifMatch": VALUES | JSON,
        "ifNoneMatch": VALUES | JSON,
        "minimalReturnPreference": JSON,
    },
)
PATCHES = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "set", "replace", "remove", "incr", "move", "other"])},
    optional={
        "path": st.sampled_from(["/", "/a", "/a/b", "/a/0", "/a/-", "/id", "/~1~0"]) | JSON,
        "value": JSON,
        "from": JSON,
    },
)
ITEMS = st.fixed_dictionaries(
    {"id": st.just("fuzz") | JSON, "pk": st.just("fuzz") | JSON},
    optional={"a": JSON, "ttl": JSON, "country": JSON, "city": JSON},
)
BODIES = st.one_of(
    JSON,
    ITEMS,
    st.lists(OPERATIONS, max_size=4),
    st.lists(PATCHES, max_size=4),
    st.fixed_dictionaries({"operations": st.lists(PATCHES, max_size=4)}, optional={"condition": JSON}),
    st.fixed_dictionaries({"query": st.just("SELECT * FROM c ORDER BY c.a") | JSON}, optional={"parameters": JSON}),
).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40)


@pytest.fixture(scope="module")
def http(cloud: Any, credential: Callable[[str], Any]) -> Iterator[httpx.Client]:
    with account(cloud, credential, "administrator") as client:
        yield client


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]), path=PATHS, headers=HEADERS, body=BODIES)
def test_no_request_breaks_the_account(
    http: httpx.Client, method: str, path: str, headers: dict[str, bytes], body: bytes
) -> None:
    """Any path, headers and body are answered with JSON or with nothing, and a refusal has its code and its message."""
    url = httpx.URL(str(http.base_url)).copy_with(raw_path=path.encode("ascii"))
    answer = http.request(method, url, headers=list(headers.items()), content=body)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert {"code", "message"} <= set(answer.json())
    elif answer.content:
        answer.json()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(authorization=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60))
def test_no_authorization_opens_the_account(http: httpx.Client, authorization: str) -> None:
    """Anything that is no token is a 401."""
    for text in (authorization, quote(f"type=aad&ver=1.0&sig={authorization}", safe="")):
        answer = http.get("/dbs/shop/colls/items", headers={"authorization": text.strip()})
        assert answer.status_code == 401
