"""In which order the account asks, as `docs/cosmos.md` has it: of two things that are wrong, the first one is told."""

import json
import re
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx
import pytest
from harness.cosmos import account, key_header

PAGE = (Path(__file__).parents[1] / "docs/cosmos.md").read_text()
UPSERT = {"x-ms-documentdb-is-upsert": "True"}


class Replacing:
    """A request that replaces an item, and that is in order until something of it is made wrong."""

    def __init__(self) -> None:
        self.workload = "owner"
        self.container = "items"
        self.item = "order"
        self.headers: dict[str, str | None] = {**key_header("order")}
        self.document: dict[str, Any] = {"id": "order", "pk": "order"}
        self.content: bytes | None = None

    def send(self, clients: dict[str, httpx.Client]) -> httpx.Response:
        headers = {name: value for name, value in self.headers.items() if value is not None}
        path = f"/dbs/shop/colls/{self.container}/docs/{self.item}"
        content = json.dumps(self.document).encode() if self.content is None else self.content
        return clients[self.workload].put(path, headers=headers, content=content)


def wrong(**changes: Any) -> Callable[[Replacing], None]:
    def make(request: Replacing) -> None:
        for name, value in changes.items():
            present = getattr(request, name)
            setattr(request, name, {**present, **value} if isinstance(value, dict) else value)

    return make


# Each question: what makes its answer no, and the status, the substatus and the words of that answer.
QUESTIONS: dict[str, tuple[Callable[[Replacing], None], int, int, str]] = {
    "token": (wrong(headers={"authorization": "type=aad&ver=1.0&sig=none"}), 401, 0, "Request blocked by Auth"),
    "container": (wrong(container="missing"), 404, 1003, "Resource Not Found"),
    "action": (wrong(workload="reader"), 403, 5301, "does not have required RBAC permissions"),
    "consistency": (wrong(headers={"x-ms-consistency-level": "Strong"}), 400, 0, "ConsistencyLevel Strong"),
    "partition key": (
        wrong(headers={"x-ms-documentdb-partitionkey": "order"}),
        400,
        0,
        "Partition key order is invalid",
    ),
    "triggers": (wrong(headers={"x-ms-documentdb-pre-trigger-include": "t"}), 400, 0, "triggers are not there"),
    "size": (wrong(content=b" " * (2 * 1024 * 1024 + 1)), 413, 0, "Request size is too large"),
    "JSON": (wrong(content=b"{"), 400, 0, "not valid JSON"),
    "id": (wrong(document={"id": ""}), 400, 0, "required properties"),
    "time to live": (wrong(document={"ttl": 0}), 400, 0, "The input ttl"),
    "key of the document": (wrong(document={"pk": "other"}), 400, 1001, "PartitionKey extracted from document"),
    "item": (wrong(item="missing"), 404, 0, "Resource Not Found"),
    "condition": (wrong(headers={"if-match": '"stale"'}), 412, 0, "precondition"),
    "same id": (wrong(document={"id": "another"}), 400, 0, "does not match the id of the item to replace"),
}


@pytest.fixture(scope="module")
def clients(cloud: Any, credential: Callable[[str], Any]) -> Iterator[dict[str, httpx.Client]]:
    with account(cloud, credential, "owner") as owner, account(cloud, credential, "reader") as reader:
        owner.post("/dbs/shop/colls/items/docs", headers={**key_header("order"), **UPSERT}, json=Replacing().document)
        yield {"owner": owner, "reader": reader}


def check(answer: httpx.Response, question: str) -> None:
    _, status, substatus, words = QUESTIONS[question]
    assert (answer.status_code, int(answer.headers.get("x-ms-substatus", 0))) == (status, substatus), answer.text
    assert words in answer.json()["message"]


def test_a_request_that_is_in_order_is_done(clients: dict[str, httpx.Client]) -> None:
    """Nothing is wrong with the request that the tests below start from."""
    assert Replacing().send(clients).status_code == 200


@pytest.mark.parametrize(("first", "second"), list(combinations(QUESTIONS, 2)))
def test_the_first_question_is_answered(clients: dict[str, httpx.Client], first: str, second: str) -> None:
    """A request with two things wrong is answered as if the first of them were the only one."""
    request = Replacing()
    for question in (second, first):  # of two contents, the first question's is sent
        QUESTIONS[question][0](request)
    for question in (first, second):
        alone = Replacing()
        QUESTIONS[question][0](alone)
        check(alone.send(clients), question)
    check(request.send(clients), first)


def test_the_page_has_the_questions_in_this_order() -> None:
    """The list in the page is the table above."""
    section = PAGE[PAGE.index("## In which order the account asks") :].split("\n## ")[0]
    assert re.findall(r"^\d+\. \*\*(.+?)\*\*", section, re.MULTILINE) == list(QUESTIONS)


def test_a_missing_container_is_told_to_few(clients: dict[str, httpx.Client], cloud: Any, credential: Any) -> None:
    """A caller who may not read the account's metadata is told of the missing permission, not of the container."""
    with account(cloud, credential, "nobody") as nobody:
        answer = nobody.get("/dbs/shop/colls/missing/docs/1", headers=key_header("order"))
    assert (answer.status_code, answer.headers["x-ms-substatus"]) == (403, "5301")


def test_a_patch_asks_in_its_own_order(clients: dict[str, httpx.Client]) -> None:
    """First the form of the operations, then the item, the etag, the patch's own condition, and the paths."""
    good = {"op": "set", "path": "/n", "value": 1}
    faults: list[tuple[dict[str, Any], int, str | None]] = [
        ({"operations": [{"op": "turn", "path": "/n"}]}, 400, None),
        ({"item": "missing"}, 404, None),
        ({"if-match": '"stale"'}, 412, None),
        ({"condition": "from c where false"}, 412, "1110"),
        ({"operations": [{"op": "replace", "path": "/none", "value": 1}]}, 400, None),
    ]
    for number, (fault, status, substatus) in enumerate(faults):
        for other, *_ in faults[number:]:
            both = {**other, **fault}
            headers = {**key_header("order"), **({"if-match": both["if-match"]} if "if-match" in both else {})}
            body = {"operations": both.get("operations", [good])}
            body |= {"condition": both["condition"]} if "condition" in both else {}
            path = f"/dbs/shop/colls/items/docs/{both.get('item', 'order')}"
            answer = clients["owner"].patch(path, headers=headers, json=body)
            assert (answer.status_code, answer.headers.get("x-ms-substatus")) == (status, substatus)


def test_a_creation_asks_for_the_name_last(clients: dict[str, httpx.Client]) -> None:
    """A name that is taken is a 409 once everything else of the request is in order."""
    docs, key = "/dbs/shop/colls/items/docs", key_header("order")
    taken = {"id": "order", "pk": "order"}
    owner = clients["owner"]
    assert owner.post(docs, headers=key, json=taken).status_code == 409
    assert clients["reader"].post(docs, headers=key, json=taken).status_code == 403
    assert owner.post(docs, headers=key, json={**taken, "ttl": 0}).status_code == 400
    assert owner.post(docs, headers=key, json={**taken, "pk": "other"}).headers["x-ms-substatus"] == "1001"
    assert owner.post(docs, headers={**key, "if-match": '"stale"'}, json=taken).status_code == 409
