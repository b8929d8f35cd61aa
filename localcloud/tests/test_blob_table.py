"""Every operation of Blob Storage with every header and parameter of every other: a role is worth what it says."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

import pytest
from harness.blob_requests import Good, all_headers, all_parameters, good
from harness.blob_wire import Answer, BlobWire
from localcloud.blob.operation import Operation
from localcloud.blob.operations import OPERATIONS
from localcloud.testing import RunningCloud

BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
ROLES = {
    "owner": "*",
    "adder": f"{BLOBS}/add/action",
    "tagger": f"{BLOBS}/tags/write",
    "reader": f"{BLOBS}/read",
    "writer": f"{BLOBS}/write",
}
ON_BLOBS = [operation for operation in OPERATIONS if operation.resource == "/container/blob"]
REFUSALS = {"FeatureNotSupportedForAccount", "UnsupportedHeader", "UnsupportedQueryParameter"}
SHOWN = {"etag", "last-modified", "content-type", "x-ms-blob-type", "x-ms-lease-state", "x-ms-access-tier"}


@pytest.fixture(scope="module")
def cloud(start_cloud: Callable[..., RunningCloud], tmp_path_factory: pytest.TempPathFactory) -> RunningCloud:
    """A cloud whose workloads hold one action each on the container `files`."""
    access = tmp_path_factory.mktemp("access") / "access.yaml"
    # Azure checks `actions` for what is the account's or the container's own: the owner holds these too.
    actions = {name: '["*"]' if name == "owner" else "[]" for name in ROLES}
    roles = "".join(
        f'  {name}: {{kind: custom, actions: {actions[name]}, dataActions: ["{action}"]}}\n'
        for name, action in ROLES.items()
    )
    workloads = "".join(
        f"  {name}: {{namespace: t, serviceAccount: {name}, grants: [{{role: {name}, scope: blob/files}}]}}\n"
        for name in ROLES
    )
    access.write_text(f"entities: {{blob: {{files: {{}}}}}}\nroles:\n{roles}workloads:\n{workloads}")
    return start_cloud(access)


@pytest.fixture(scope="module")
def owner(cloud: RunningCloud) -> Iterator[BlobWire]:
    with closing(BlobWire(cloud, "owner")) as wire:
        yield wire


@pytest.fixture
def canary(owner: BlobWire) -> str:
    """A blob with metadata, tags and a snapshot."""
    told = [("x-ms-blob-type", "BlockBlob"), ("x-ms-meta-kept", "yes"), ("x-ms-tags", "kept=yes")]
    assert owner.send("PUT", "/files/canary", told, b"kept").status == 201
    assert owner.send("PUT", "/files/canary?comp=snapshot", body=b"").status == 201
    return "canary"


def state(owner: BlobWire, name: str) -> dict[str, object]:
    """What there is of a blob: its content, what is said of it, its tags, and how many snapshots there are."""
    blob = owner.send("GET", f"/files/{name}")
    shown = {key: value for key, value in blob.headers.items() if key in SHOWN or key.startswith("x-ms-meta-")}
    listed = owner.send("GET", f"/files?restype=container&comp=list&include=snapshots&prefix={name}")
    return {
        "content": (blob.status, blob.body),
        "properties": shown,
        "tags": owner.send("GET", f"/files/{name}?comp=tags").body,
        "snapshots": listed.body.count(b"<Snapshot>"),
    }


def sent(wire: BlobWire, requests: Iterable[Good]) -> list[tuple[Good, Answer]]:
    """The answers to many requests, which are sent at once."""
    asked = list(requests)
    answers = wire.send_all([wire.request(each.method, each.target, each.headers, each.body) for each in asked])
    return list(zip(asked, answers, strict=True))


def mixtures(operation: Operation, blob: str) -> Iterator[Good]:
    """A good request of an operation, and that with each header and each parameter that there is."""
    alone = good(operation, "files", blob)
    yield alone
    for header in all_headers():
        yield alone.with_header(header)
    for parameter in all_parameters():
        yield alone.with_parameter(parameter)


def foreign(operation: Operation, blob: str) -> Iterator[Good]:
    """A good request of an operation with each header and parameter that no operation of its request line takes."""
    alone = good(operation, "files", blob)
    line = (operation.method, operation.query.get("comp"))
    siblings = [each for each in ON_BLOBS if (each.method, each.query.get("comp")) == line]
    for header in all_headers():
        if header[0] != "content-type" and not any(each.takes_header(header[0]) for each in siblings):
            yield alone.with_header(header)
    for parameter in all_parameters():
        if parameter[0] not in ("comp", "restype") and not any(each.takes_parameter(parameter[0]) for each in siblings):
            yield alone.with_parameter(parameter)


@pytest.mark.parametrize(
    ("workload", "may_change"),
    [("adder", {"snapshots"}), ("tagger", {"tags"}), ("reader", set())],
    ids=["adder", "tagger", "reader"],
)
def test_a_mixture_of_operations_changes_only_what_the_role_may(
    cloud: RunningCloud, owner: BlobWire, canary: str, workload: str, may_change: set[str]
) -> None:
    """A caller that may only add, tag or read changes nothing else of a blob, whatever is added to whatever request."""
    before = state(owner, canary)
    with closing(BlobWire(cloud, workload)) as wire:
        for operation in ON_BLOBS:
            for request, answer in sent(wire, mixtures(operation, canary)):
                assert answer.status < 400 or (answer.status < 500 and answer.code), (operation.name, request, answer)
            after = state(owner, canary)
            assert {part for part in before if after[part] != before[part]} <= may_change, (operation.name, after)


def test_a_mixture_of_operations_neither_deletes_nor_tags_for_a_writer(
    cloud: RunningCloud, owner: BlobWire, canary: str
) -> None:
    """A caller that may write but neither delete nor tag does neither, whatever is added to whatever request."""
    with closing(BlobWire(cloud, "writer")) as wire:
        for operation in ON_BLOBS:
            sent(wire, mixtures(operation, canary))
            after = owner.send("HEAD", f"/files/{canary}")
            assert (after.status, b"forged" in owner.send("GET", f"/files/{canary}?comp=tags").body) == (200, False), (
                operation.name
            )


def test_what_another_operation_takes_is_refused(owner: BlobWire, canary: str) -> None:
    """A request with a header or parameter that is not its operation's is a 400 even for an owner, and does nothing."""
    before = state(owner, canary)
    for operation in ON_BLOBS:
        for request, answer in sent(owner, foreign(operation, canary)):
            assert (answer.status, answer.code in REFUSALS) == (400, True), (operation.name, request, answer)
        assert state(owner, canary) == before, operation.name
