"""The bodies that are XML: each is read whole and checked.

Azurite takes one document for another, such as any that it does not know for an empty list of blocks.
"""

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from xml.parsers import expat

from localcloud.blob import errors, limits
from localcloud.blob.operation import Body

_LONGEST = 8 * 1024 * 1024  # bytes: 50,000 blocks, whose ids are as long as they may be

# The paths of the elements that a document may hold.
_ELEMENTS = {
    Body.TAGS: r"Tags(/TagSet(/Tag(/(Key|Value))?)?)?",
    Body.BLOCK_LIST: r"BlockList(/(Committed|Uncommitted|Latest))?",
    Body.SERVICE_PROPERTIES: r"StorageServiceProperties(/[A-Za-z0-9]+){0,3}",
}


async def read_xml(body: Body, chunks: AsyncIterator[bytes], headers: dict[str, str]) -> bytes:
    """Read a request's body; raises `BlobError` unless it is the document that the operation takes."""
    if int(headers["content-length"]) > _LONGEST:
        raise errors.body_too_large()
    data = b"".join([chunk async for chunk in chunks])
    digest = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    if headers.get("content-md5", digest) != digest:
        raise errors.md5_mismatch()
    elements = _elements(data, body)
    if body is Body.SERVICE_PROPERTIES and len(elements) == 1:
        raise errors.missing_xml_node()
    if body is Body.TAGS:
        limits.check_tags(_tags(elements))
    return data


def _elements(data: bytes, body: Body) -> list[tuple[str, str]]:
    """Read the name and the text of each element of an XML document, in their order.

    Raises `BlobError` for an element that is not known, for too many of them, and for entities.
    """
    known = re.compile(_ELEMENTS[body])
    path: list[str] = []
    elements: list[tuple[str, str]] = []

    def start(name: str, _attributes: dict[str, str]) -> None:
        path.append(name)
        elements.append((name, ""))
        if not known.fullmatch("/".join(path)):
            raise errors.unsupported_xml_node(name[:100])
        if len(elements) - 1 > limits.MOST_BLOCKS:
            raise errors.block_list_too_long() if body is Body.BLOCK_LIST else errors.body_too_large()

    def text(part: str) -> None:
        if elements[-1][0] == path[-1]:
            elements[-1] = path[-1], elements[-1][1] + part

    def refuse(*_declaration: object) -> None:
        raise errors.invalid_xml()

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: path.pop()
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise errors.invalid_xml() from error
    return elements


def _tags(elements: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pair the names and values of a document's tags; raises `BlobError` unless each tag has one of both."""
    inner = [element for element in elements if element[0] in ("Key", "Value")]
    names, tag_values = inner[::2], inner[1::2]
    if any(name != "Key" for name, _ in names) or any(name != "Value" for name, _ in tag_values):
        raise errors.invalid_xml()
    if len(names) != len(tag_values) or len(names) != sum(name == "Tag" for name, _ in elements):
        raise errors.missing_xml_node()
    return [(name, value) for (_, name), (_, value) in zip(names, tag_values, strict=True)]
