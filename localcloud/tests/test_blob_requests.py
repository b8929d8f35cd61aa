"""Requests that are written oddly: each is understood as Azurite would understand it, or refused in Azure's codes."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from harness.blob_wire import VERSION, Answer, BlobWire, Sent
from localcloud.authorization import audit
from localcloud.testing import RunningCloud

BLOCK = ("x-ms-blob-type", "BlockBlob")
ANY = ("if-none-match", "*")
OVERWRITE = (403, "AuthorizationPermissionMismatch")
UNSUPPORTED = (400, "UnsupportedHeader")
INVALID = (400, "InvalidHeaderValue")
NO_SUCH_COMP = (400, "InvalidQueryParameterValue")
TWO_WAYS = (400, "InvalidUri")


@pytest.fixture(scope="module")
def owner(cloud: RunningCloud) -> Iterator[BlobWire]:
    with closing(BlobWire(cloud, "owner")) as wire:
        yield wire


@pytest.fixture(scope="module")
def adder(cloud: RunningCloud) -> Iterator[BlobWire]:
    """A caller that may read and add."""
    with closing(BlobWire(cloud, "writer")) as wire:
        yield wire


@pytest.fixture
def kept(owner: BlobWire) -> Iterator[None]:
    """The blob `files/kept`, which is unchanged at the end."""
    assert owner.send("PUT", "/files/kept", [BLOCK, ("x-ms-tags", "a=b")], b"kept").status == 201
    before = owner.send("GET", "/files/kept")
    yield
    after = owner.send("GET", "/files/kept")
    assert (after.body, after.headers["etag"]) == (before.body, before.headers["etag"])


@pytest.mark.parametrize(
    ("target", "headers", "refusal"),
    [
        ("/files/kept?comp=snapshot", [BLOCK], UNSUPPORTED),
        ("/files/kept?comp=appendblock", [BLOCK], UNSUPPORTED),
        ("/files/kept?Comp=snapshot", [BLOCK], UNSUPPORTED),
        ("/files/kept?%63omp=snapsho%74", [BLOCK], UNSUPPORTED),
        ("/files/kept?comp=SNAPSHOT", [BLOCK], NO_SUCH_COMP),
        ("/files/kept?comp=snapshot%00", [BLOCK], NO_SUCH_COMP),
        ("/files/kept?comp=snapshot+", [BLOCK], NO_SUCH_COMP),
        ("/files/kept?comp=snapshot;comp=block", [BLOCK], NO_SUCH_COMP),
        ("/files/kept?restype=container", [BLOCK], NO_SUCH_COMP),
        ("/files/kept?comp=&COMP=snapshot", [BLOCK], TWO_WAYS),
        ("/files/kept?comp[]=snapshot", [BLOCK], TWO_WAYS),
        ("/files/kept?comp%5B%5D=snapshot", [BLOCK], TWO_WAYS),
        ("/files/kept?comp=%ff", [BLOCK], TWO_WAYS),
        ("/files/kept?rscc=x", [BLOCK], (400, "UnsupportedQueryParameter")),
        ("/files/kept?versionid=1", [BLOCK], (400, "UnsupportedQueryParameter")),
        ("/files/kept?timeout=soon", [BLOCK], NO_SUCH_COMP),
        ("/files/%6bept", [BLOCK], OVERWRITE),
        ("/files%2Fkept", [BLOCK], OVERWRITE),
        ("/files/kept#x", [BLOCK], OVERWRITE),
        ("https://localcloud.blob.core.windows.net/files/kept", [BLOCK], OVERWRITE),
        ("https://localcloud.blob.core.windows.net/files/kept?comp=snapshot", [BLOCK], UNSUPPORTED),
        ("/files/kept", [("X-Ms-Blob-TYPE", "BlockBlob")], OVERWRITE),
        ("/files/kept", [("x-ms-blob-type", "blockblob")], OVERWRITE),
        ("/files/kept", [BLOCK, BLOCK], INVALID),
        ("/files/kept", [BLOCK, ("X-Ms-Blob-Type", "AppendBlob")], INVALID),
        ("/files/kept", [BLOCK, ANY, ("if-none-match", '"0x1"')], INVALID),
        ("/files/kept", [BLOCK, ("if-none-match", '*, "0x1"')], INVALID),
        ("/files/kept", [BLOCK, ("if-none-match", "")], INVALID),
        ("/files/kept", [BLOCK, ("if-none-match", '"0x1"')], OVERWRITE),
        ("/files/kept", [BLOCK, ("if-match", "*")], OVERWRITE),
        ("/files/kept", [BLOCK, ANY], (409, "BlobAlreadyExists")),
        ("/files/kept", [BLOCK, ("x-ms-meta-", "x")], (400, "InvalidMetadata")),
        ("/files/kept", [BLOCK, ("x-ms-meta-a.b", "x")], (400, "InvalidMetadata")),
        ("/files/kept", [BLOCK, ("x-ms-meta-a", "x"), ("X-MS-META-A", "y")], INVALID),
        ("/files/kept", [BLOCK, ("x-ms-encryption-scope", "x")], UNSUPPORTED),
        ("/files/kept", [BLOCK, ("x-ms-legal-hold", "true")], UNSUPPORTED),
        ("/files/kept", [BLOCK, ("content-encoding", "gzip")], UNSUPPORTED),
        ("/files/kept", [BLOCK, ("range", "bytes=0-1")], UNSUPPORTED),
        ("/files/kept", [("x-ms-blob-type", "")], INVALID),
        ("/files/kept", [("x-ms-blob-type", "BlockBlob, BlockBlob")], INVALID),
        ("/files/kept", [("x_ms_blob_type", "BlockBlob")], (400, "MissingRequiredHeader")),
        ("/files/kept", [], (400, "MissingRequiredHeader")),
        (
            "/files/kept",
            [BLOCK, ("x-ms-copy-source", "https://localcloud.blob.core.windows.net/files/kept")],
            (400, "FeatureNotSupportedForAccount"),
        ),
        ("/files/kept?comp=lease", [("x-ms-lease-action", "break"), BLOCK], OVERWRITE),
    ],
)
def test_no_way_of_writing_a_request_overwrites_for_an_adder(
    kept: None, adder: BlobWire, target: str, headers: list[tuple[str, str]], refusal: tuple[int, str]
) -> None:
    """However operation, names and values are written, a blob that is there stays as it is."""
    answer = adder.send("PUT", target, headers, b"other")
    assert (answer.status, answer.code) == refusal


@pytest.mark.parametrize("name", ["X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_the_method_is_the_request_lines(kept: None, owner: BlobWire, name: str, method: str) -> None:
    """A header that would put another method in the place of the request's own is refused."""
    headers = [(name, "DELETE")] if method == "GET" else [(name, "DELETE"), BLOCK]
    assert owner.send(method, "/files/kept", headers, None if method == "GET" else b"").code == "UnsupportedHeader"


def alone(wire: BlobWire, method: str, headers: list[tuple[str, str]], body: bytes | None = None) -> Answer:
    """The answer to a request for `files/kept` with these headers and no others."""
    return wire.send_all([Sent(method, "/files/kept", (wire.host, *headers), body)])[0]


@pytest.mark.parametrize(
    ("versions", "refusal"),
    [
        ([], (403, "AuthenticationFailed")),
        (["2009-09-19"], (403, "AuthenticationFailed")),
        (["2017-11-08"], (403, "AuthenticationFailed")),
        ([""], (403, "AuthenticationFailed")),
        (["latest"], INVALID),
        (["2026-13-45"], INVALID),
        (["20261006"], INVALID),
        (["2026-10-06, 2009-09-19"], INVALID),
        (["2026-10-06", "2026-10-06"], INVALID),
    ],
    ids=str,
)
def test_a_request_names_a_version_that_knows_tokens(
    owner: BlobWire, kept: None, versions: list[str], refusal: tuple[int, str]
) -> None:
    """Bearer tokens came with version 2017-11-09; without a version, or with one that is none, nothing is done."""
    named = [("x-ms-version", version) for version in versions]
    answer = alone(owner, "PUT", [owner.authorization, BLOCK, *named], b"other")
    assert (answer.status, answer.code) == refusal


@pytest.mark.parametrize("version", ["2017-11-09", "2021-12-02", "2026-10-06"])
def test_versions_since_then_are_answered(owner: BlobWire, kept: None, version: str) -> None:
    """Clients of different ages are served."""
    answer = alone(owner, "GET", [owner.authorization, ("x-ms-version", version)])
    assert (answer.status, answer.body) == (200, b"kept")


def test_a_second_token_is_no_choice(owner: BlobWire, adder: BlobWire, kept: None) -> None:
    """A request with two tokens is refused, whichever is the better."""
    for tokens in ([owner.authorization, adder.authorization], [adder.authorization, owner.authorization]):
        assert alone(owner, "PUT", [*tokens, VERSION, BLOCK], b"other").code == "InvalidHeaderValue"


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("PUT", "/files/kept", [BLOCK, ("if-unmodified-since", "yesterday")]),
        ("PUT", "/files/kept", [BLOCK, ("if-modified-since", "2099-01-01T00:00:00Z")]),
        ("PUT", "/files/kept", [BLOCK, ("if-match", '"0x1", "0x2"')]),
        ("PUT", "/files/kept", [BLOCK, ("x-ms-tags", "a")]),
        ("PUT", "/files/kept", [BLOCK, ("x-ms-tags", "a=%zz")]),
        ("PUT", "/files/kept", [BLOCK, ("x-ms-tags", "a=%ff")]),
        ("PUT", "/files/kept", [BLOCK, ("x-ms-tags", "a=b&")]),
        ("PUT", "/files/kept", [BLOCK, ("content-md5", "x")]),
        ("PUT", "/files/kept", [BLOCK, ("x-ms-content-crc64", "x")]),
        ("PUT", "/files/kept", [BLOCK, ("x-ms-lease-id", "x")]),
        ("PUT", "/files/kept", [("x-ms-blob-type", "PageBlob"), ("x-ms-blob-content-length", "-512")]),
        ("PUT", "/files/kept", [("x-ms-blob-type", "PageBlob"), ("x-ms-blob-content-length", "1e3")]),
        ("PUT", "/files/kept", [("x-ms-blob-type", "AppendBlob")]),
        ("PUT", "/files/kept?comp=snapshot", []),
        ("PUT", "/files/kept?comp=lease", [("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "long")]),
        ("PUT", "/files/kept?comp=lease", [("x-ms-lease-action", "steal")]),
        ("DELETE", "/files/kept", []),
        ("DELETE", "/files/kept", [("x-ms-delete-snapshots", "some")]),
        ("GET", "/files/kept", [("range", "bytes=-")]),
        ("GET", "/files/kept", [("range", "bytes=5-3")]),
        ("GET", "/files/kept", [("range", "bytes=0-1,2-3")]),
        ("GET", "/files/kept", [("x-ms-range", "lines=0-1")]),
        ("GET", "/files/kept", [("x-ms-client-request-id", "a" * 1025)]),
    ],
)
def test_a_value_that_is_not_of_its_form_is_refused(
    kept: None, owner: BlobWire, method: str, target: str, headers: list[tuple[str, str]]
) -> None:
    """A date that is none is not taken for no condition, nor is a body passed over if there should be none."""
    answer = owner.send(method, target, headers, b"other")
    assert (answer.status, answer.code) == INVALID


@pytest.mark.parametrize(
    ("target", "document", "code"),
    [
        ("/files/kept?comp=blocklist", b"", "InvalidXmlDocument"),
        ("/files/kept?comp=blocklist", b"x", "InvalidXmlDocument"),
        ("/files/kept?comp=blocklist", b"<BlockList>", "InvalidXmlDocument"),
        ("/files/kept?comp=blocklist", b"<Other/>", "UnsupportedXmlNode"),
        ("/files/kept?comp=blocklist", b"<BlockList><Newest>MQ==</Newest></BlockList>", "UnsupportedXmlNode"),
        ("/files/kept?comp=blocklist", b'<!DOCTYPE x [<!ENTITY y "z">]><BlockList/>', "InvalidXmlDocument"),
        ("/files/kept?comp=blocklist", b"<BlockList>" + b"<Latest>" * 100_000, "UnsupportedXmlNode"),
        ("/files/kept?comp=tags", b"<BlockList/>", "UnsupportedXmlNode"),
        ("/files/kept?comp=tags", b"<Tags><Tag/></Tags>", "UnsupportedXmlNode"),
    ],
    ids=lambda value: str(value[:40]),
)
def test_a_document_is_the_one_that_the_operation_takes(
    kept: None, owner: BlobWire, target: str, document: bytes, code: str
) -> None:
    """Azurite takes what it does not know for an empty list; here it is a 400, and the blob stays as it is."""
    answer = owner.send("PUT", target, (), document)
    assert (answer.status, answer.code) == (400, code)
    assert b"<Key>a</Key>" in owner.send("GET", "/files/kept?comp=tags").body


def test_service_properties_are_not_empty(cloud: RunningCloud) -> None:
    """A document that sets nothing, which Azurite fails over, is a 400."""
    with closing(BlobWire(cloud, "administrator")) as administrator:
        answer = administrator.send("PUT", "/?restype=service&comp=properties", (), b"<StorageServiceProperties/>")
    assert (answer.status, answer.code) == (400, "MissingRequiredXmlNode")


def test_the_checksum_of_a_document_counts(kept: None, owner: BlobWire) -> None:
    """A list of blocks that does not match its MD5 is refused."""
    md5 = ("content-md5", "rL0Y20zC+Fzt72VPzMSk2A==")
    assert owner.send("PUT", "/files/kept?comp=blocklist", [md5], b"<BlockList/>").code == "Md5Mismatch"


def test_a_condition_on_tags_stands_alone(kept: None, owner: BlobWire) -> None:
    """Azurite obeys one of two conditions; a write that has another beside one on tags is refused."""
    headers = [BLOCK, ("if-match", "*"), ("x-ms-if-tags", "\"a\"='c'")]
    assert owner.send("PUT", "/files/kept", headers, b"").code == "MultipleConditionHeadersNotSupported"


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("GET", "/files/kept", [("x-ms-if-tags", "\"a\"='b'")]),
        ("GET", "/files?restype=container&comp=list&include=metadata,tags", []),
        ("GET", "/files/kept?comp=tags", []),
        ("PUT", "/files/new", [BLOCK, ("x-ms-tags", "a=b")]),
        (
            "PUT",
            "/files/new",
            [
                ("x-ms-copy-source", "https://localcloud.blob.core.windows.net/files/kept"),
                ("x-ms-requires-sync", "true"),
                ("x-ms-copy-source-tag-option", "COPY"),
            ],
        ),
    ],
)
def test_tags_need_their_own_actions(
    kept: None, adder: BlobWire, method: str, target: str, headers: list[tuple[str, str]]
) -> None:
    """To read, list, set, copy or ask for tags takes more than to read and add blobs."""
    assert adder.send(method, target, headers, b"" if method == "PUT" else None).status == 403


def test_a_verb_that_a_resource_does_not_know_is_a_405(owner: BlobWire, kept: None) -> None:
    """The answer names those that it knows."""
    answer = owner.send("PATCH", "/files/kept", (), b"")
    assert (answer.status, answer.code, answer.headers["allow"]) == (
        405,
        "UnsupportedHttpVerb",
        "DELETE, GET, HEAD, PUT",
    )


@pytest.mark.parametrize(
    "source",
    [
        "",
        "kept",
        "http://[::1",
        "http://localcloud.blob.core.windows.net/files/kept",
        "https://elsewhere.blob.core.windows.net/files/kept",
        "https://localcloud.blob.core.windows.net:444/files/kept",
        "https://user@localcloud.blob.core.windows.net/files/kept",
        "https://localcloud.blob.core.windows.net/files",
        "https://localcloud.blob.core.windows.net/files/../files/kept",
        "https://localcloud.blob.core.windows.net/files/k\xebpt",
        "https://localcloud.blob.core.windows.net/files/kept?sv=2026-10-06&sig=x",
        "https://localcloud.blob.core.windows.net/files/kept?snapshot=x",
        "https://localcloud.blob.core.windows.net/files/kept?snapshot=x&snapshot=y",
        "https://localcloud.blob.core.windows.net/files/absent",
        "https://localcloud.blob.core.windows.net/other/kept",
    ],
)
def test_a_source_that_is_no_readable_blob_of_the_account_is_not_copied(
    kept: None, adder: BlobWire, source: str
) -> None:
    """A copy is made of what its caller may read in this account, under a URL that is read in one way."""
    answer = adder.send("PUT", "/files/never-copied", [("x-ms-copy-source", source)], b"")
    assert 400 <= answer.status < 500
    assert answer.code
    assert adder.send("HEAD", "/files/never-copied").status == 404


@pytest.mark.parametrize("blob_type", ["PageBlob", "AppendBlob"])
@pytest.mark.parametrize("how", [[], [("x-ms-requires-sync", "true")]], ids=["async", "sync"])
def test_what_a_copy_would_share_with_its_source_is_not_copied(
    owner: BlobWire, blob_type: str, how: list[tuple[str, str]]
) -> None:
    """A write to Azurite's copy of a page or append blob is one to its source, which the writer may only read."""
    size = [("x-ms-blob-content-length", "512")] if blob_type == "PageBlob" else []
    assert owner.send("PUT", "/files/source", [("x-ms-blob-type", blob_type), *size], b"").status == 201
    source = ("x-ms-copy-source", "https://localcloud.blob.core.windows.net/files/source")
    assert owner.send("PUT", "/other/never-copied", [source, *how], b"").code == "FeatureNotSupportedForAccount"
    assert owner.send("HEAD", "/other/never-copied").status == 404


def test_an_attempt_is_in_the_trail(cloud: RunningCloud, kept: None, adder: BlobWire) -> None:
    """Access is asked for before the rest of a request is looked at, so the trail says what was attempted."""
    trail = cloud.cloud.settings.state / "audit.jsonl"
    before = len(audit.read(trail))
    assert adder.send("PUT", "/files/kept?comp=snapshot", [BLOCK], b"").status == 400
    assert adder.send("PUT", "/files/kept?comp=undelete", [BLOCK], b"").status == 403
    asked = [
        (entry["workload"], entry["action"].rpartition("/blobs/")[2], entry["scope"], entry["allowed"])
        for entry in audit.read(trail)[before:]
        if entry["kind"] == "access" and entry["workload"] == "writer"
    ]
    assert asked == [("writer", "add/action", "blob/files", True), ("writer", "write", "blob/files", False)]
