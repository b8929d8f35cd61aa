"""Requests for Blob Storage of any kind: each is understood or refused, and none makes the gateway fail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from harness.blob_requests import all_headers, all_parameters
from hypothesis import given, settings
from hypothesis import strategies as st
from localcloud.blob.copy_source import read_source
from localcloud.blob.errors import BlobError
from localcloud.blob.operation import Body
from localcloud.blob.request import read, rebuild, recognise
from localcloud.blob.xml_bodies import read_xml

VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=20) | st.sampled_from(
    [
        "",
        "0",
        "1",
        "-1",
        "bytes=0-511",
        "bytes=9-",
        "BlockBlob",
        "PageBlob",
        "true",
        "*",
        '"0x1"',
        "a=b",
        "a=b&a=c",
        "=",
        "%",
    ]
)
HEADERS = st.lists(
    st.sampled_from([(name, value) for name, value in all_headers()])
    | st.tuples(st.sampled_from([name for name, _ in all_headers()] + ["x-ms-version", "content-length"]), VALUES),
    max_size=8,
)
QUERIES = st.lists(
    st.sampled_from([f"{name}={value}" for name, value in all_parameters()]) | st.text(max_size=10), max_size=4
).map(lambda pairs: "&".join(pairs).encode("utf-8", "surrogatepass"))
PATHS = st.sampled_from([b"/", b"/files", b"/files/x", b"/files/a%2Fb", b"//", b"/files//"]) | st.binary(max_size=30)


@settings(max_examples=500, deadline=None)
@given(
    method=st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH"]),
    path=PATHS,
    query=QUERIES,
    headers=HEADERS,
)
def test_no_request_breaks_the_gateway(method: str, path: bytes, query: bytes, headers: list[tuple[str, str]]) -> None:
    """A request is written anew from what was understood of it, or refused with a code."""
    scope: dict[str, Any] = {
        "method": method,
        "raw_path": path,
        "query_string": query,
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
    }
    with suppress(BlobError):
        request = read(scope)
        rebuilt = rebuild(request, recognise(request))
        assert rebuilt.path.isascii()
        assert rebuilt.query.isascii()


@settings(max_examples=200, deadline=None)
@given(url=st.text(max_size=60) | st.text(max_size=20).map("https://contoso.blob.core.windows.net/files/".__add__))
def test_no_source_breaks_the_gateway(url: str) -> None:
    """A copy's source is a blob of the account, or refused."""
    with suppress(BlobError):
        source = read_source(url, "contoso.blob.core.windows.net")
        assert source.blob


ELEMENTS = st.sampled_from(
    [
        f"<{slash}{name}>"
        for name in ("Tags", "TagSet", "Tag", "Key", "Value", "BlockList", "Latest")
        for slash in ("", "/")
    ]
    + ["<Tag/>", "text", "&amp;", "&x;", "<![CDATA[x]]>", "<!-- -->", "<?x?>", "<!DOCTYPE x>", " "]
)
DOCUMENTS = st.lists(ELEMENTS, max_size=14).map(lambda parts: "".join(parts).encode()) | st.binary(max_size=60)


@settings(max_examples=300, deadline=None)
@given(body=st.sampled_from([Body.TAGS, Body.BLOCK_LIST, Body.SERVICE_PROPERTIES]), document=DOCUMENTS)
def test_no_document_breaks_the_gateway(body: Body, document: bytes) -> None:
    """A document is that of its operation, or refused."""

    async def chunks() -> AsyncIterator[bytes]:
        yield document

    with suppress(BlobError):
        assert asyncio.run(read_xml(body, chunks(), {"content-length": str(len(document))})) == document
