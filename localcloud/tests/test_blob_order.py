"""In which order the gateway asks, as `docs/blob.md` has it: of two things that are wrong, the first one is told."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from harness.blob_requests import good
from harness.blob_wire import VERSION, Answer, BlobWire, Sent
from localcloud.blob.operations import OPERATIONS
from localcloud.testing import RunningCloud

PAGE = (Path(__file__).parents[1] / "docs/blob.md").read_text()
URL = "https://localcloud.blob.core.windows.net"


@dataclass(frozen=True)
class Copying:
    """A request that copies a blob, and that is in order until something of it is made wrong."""

    workload: str = "administrator"
    container: str = "files"
    parameters: Mapping[str, str] = field(default_factory=dict)
    version: str = VERSION[1]
    source: str = f"{URL}/files/kept"
    token: str | None = None
    metadata: str = "x"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = b""

    def send(self, wires: dict[str, BlobWire]) -> Answer:
        wire = wires[self.workload]
        authorization = wire.authorization if self.token is None else ("authorization", self.token)
        headers = (
            wire.host,
            authorization,
            ("x-ms-version", self.version),
            ("x-ms-copy-source", self.source),
            ("x-ms-requires-sync", "true"),
            ("x-ms-meta-a", self.metadata),
            *self.headers.items(),
        )
        target = f"/{self.container}/copied?{urlencode(self.parameters)}"
        return wire.send_all([Sent("PUT", target, headers, self.body)])[0]


# Each question: what makes its answer no, and the status and the code of that answer.
QUESTIONS: dict[str, tuple[dict[str, Any], int, str]] = {
    "operation": ({"parameters": {"comp": "nonsense"}}, 400, "InvalidQueryParameterValue"),
    "token": ({"token": "Bearer none"}, 401, "InvalidAuthenticationInfo"),
    "action": ({"workload": "reader"}, 403, "AuthorizationPermissionMismatch"),
    "done here": ({"parameters": {"comp": "seal"}}, 400, "FeatureNotSupportedForAccount"),
    "length": ({"body": None}, 411, "MissingContentLengthHeader"),
    "version": ({"version": "2009-09-19"}, 403, "AuthenticationFailed"),
    "parameter": ({"parameters": {"versionid": "1"}}, 400, "UnsupportedQueryParameter"),
    "header": ({"headers": {"x-ms-legal-hold": "true"}}, 400, "UnsupportedHeader"),
    "limit": ({"metadata": "x" * 9000}, 400, "MetadataTooLarge"),
    "source": ({"source": f"{URL}/files/absent"}, 404, "CannotVerifyCopySource"),
    "container": ({"container": "absent"}, 404, "ContainerNotFound"),
    "condition": ({"headers": {"if-match": '"0x1"'}}, 412, "ConditionNotMet"),
}


def wrong(*questions: str) -> Copying:
    """The request with these answers made no. Headers and parameters are added up; of two values the first counts."""
    request = Copying()
    for question in reversed(questions):
        changes = dict(QUESTIONS[question][0])
        for name in ("headers", "parameters"):
            changes[name] = {**getattr(request, name), **changes.get(name, {})}
        request = replace(request, **changes)
    return request


@pytest.fixture(scope="module")
def wires(cloud: RunningCloud) -> Iterator[dict[str, BlobWire]]:
    with ExitStack() as stack:
        wires = {
            name: stack.enter_context(closing(BlobWire(cloud, name))) for name in ("administrator", "reader", "writer")
        }
        for name in ("kept", "copied"):
            sent = wires["administrator"].send("PUT", f"/files/{name}", [("x-ms-blob-type", "BlockBlob")], b"kept")
            assert sent.status == 201
        yield wires


def test_a_copy_that_is_in_order_is_done(wires: dict[str, BlobWire]) -> None:
    """Nothing is wrong with the request that the test below starts from."""
    assert Copying().send(wires).status == 202


@pytest.mark.parametrize(("first", "second"), list(combinations(QUESTIONS, 2)))
def test_the_first_question_of_two_is_answered(wires: dict[str, BlobWire], first: str, second: str) -> None:
    """A request with two things wrong is answered as if the first of them were the only one."""
    for request in (wrong(first), wrong(first, second)):
        answer = request.send(wires)
        assert (answer.status, answer.code) == QUESTIONS[first][1:], (request, answer)


def test_the_page_has_the_questions_in_this_order() -> None:
    """The list in the page is the table above."""
    section = PAGE[PAGE.index("## In which order the gateway asks") :].split("\n## ")[0]
    assert re.findall(r"^\d+\. \*\*(.+?)\*\*", section, re.MULTILINE) == list(QUESTIONS)


@pytest.mark.parametrize("target", ["/files/kept", "/files/absent", "/absent/kept", "/other/kept"])
@pytest.mark.parametrize("workload", ["reader", "writer"])
def test_a_caller_without_the_action_learns_nothing_of_what_is_there(
    wires: dict[str, BlobWire], workload: str, target: str
) -> None:
    """Without the action it is a 403 whether the container and the blob are there or not."""
    answer = wires[workload].send("DELETE", target)
    assert (answer.status, answer.code) == (403, "AuthorizationPermissionMismatch")


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ([], (403, "AuthorizationPermissionMismatch")),
        ([("if-none-match", "*")], (409, "BlobAlreadyExists")),
        ([("if-match", "*")], (403, "AuthorizationPermissionMismatch")),
    ],
)
def test_a_name_that_is_taken_is_a_409_only_if_it_was_asked_for(
    wires: dict[str, BlobWire], headers: list[tuple[str, str]], refusal: tuple[int, str]
) -> None:
    """A caller that may only add is told 409 if it asked for a free name, and of the missing action otherwise."""
    answer = wires["writer"].send("PUT", "/files/kept", [("x-ms-blob-type", "BlockBlob"), *headers], b"")
    assert (answer.status, answer.code) == refusal


REFUSED = {operation.name: operation for operation in OPERATIONS if operation.refused}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_done_is_refused_by_name(wires: dict[str, BlobWire], name: str) -> None:
    """An operation that is not there is a 400 that says what, once the caller holds its action."""
    operation = REFUSED[name]
    request = good(operation, "files", "kept")
    refused = wires["administrator"].send(request.method, request.target, request.headers, request.body)
    assert (refused.status, refused.code) == (400, "FeatureNotSupportedForAccount")
    if request.method != "HEAD":
        assert operation.refused.encode() in refused.body.replace(b"&apos;", b"'")
    denied: Callable[..., Answer] = wires["reader"].send
    if name not in ("Get Blob Metadata", "Query Blob Contents"):
        assert denied(request.method, request.target, request.headers, request.body).status == 403
