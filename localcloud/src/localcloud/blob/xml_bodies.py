"""The bodies that are XML: each is read whole and checked.

Azurite takes one document for another, such as any that it does not know for an empty list of blocks.
"""

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from xml.parsers import expat

from localcloud.blob import errors
from localcloud.blob.operation import Body

_LONGEST = 8 * 1024 * 1024  # bytes: 50,000 blocks, whose ids are as long as they may be

# The paths of the elements that a document may hold.
_ELEMENTS = {
    Body.TAGS: r"Tags(/TagSet(/Tag(/(Key|Value))?)?)?",
    Body.BLOCK_LIST: r"BlockList(/(Committed|Uncommitted|Latest))?",
    Body.SERVICE_PROPERTIES: r"StorageServiceProperties(/[A-Za-z0-9]+){0,3}",
}


async def read_xml(body: Body, chunks: AsyncIterator[bytes], headers: dict[str, str]) -> bytes:
    """A request's body, which is the document that it should be; raises `BlobError`."""
    if int(headers["content-length"]) > _LONGEST:
        raise errors.body_too_large()
    data = b"".join([chunk async for chunk in chunks])
    digest = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    if headers.get("content-md5", digest) != digest:
        raise errors.md5_mismatch()
    elements = _count_elements(data, re.compile(_ELEMENTS[body]))
    if body is Body.SERVICE_PROPERTIES and elements == 1:
        raise errors.missing_xml_node()
    return data


def _count_elements(data: bytes, known: re.Pattern[str]) -> int:
    """How many elements an XML document has; raises `BlobError` for one that is not known, and for entities."""
    path: list[str] = []
    count = 0

    def start(name: str, _attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        path.append(name)
        if not known.fullmatch("/".join(path)):
            raise errors.unsupported_xml_node(name[:100])

    def refuse(*_declaration: object) -> None:
        raise errors.invalid_xml()

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: path.pop()
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise errors.invalid_xml() from error
    return count
