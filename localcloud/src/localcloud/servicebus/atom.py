"""The documents of Service Bus's administration: an entry for an entity, a feed for a list of them, and errors.

https://learn.microsoft.com/rest/api/servicebus/get-entity
https://learn.microsoft.com/rest/api/servicebus/entities-discovery
"""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import UTC, datetime

_ATOM = "http://www.w3.org/2005/Atom"


@dataclass(frozen=True, slots=True)
class Entry:
    """`url` is the entity's own, and `description` what the document holds of it."""

    url: str
    title: str
    description: ET.Element


def entry(namespace: str, of: Entry) -> bytes:
    """The document of one entity; `namespace` is the fully qualified name."""
    return _document(_entry(namespace, of))


def feed(url: str, title: str, namespace: str, entries: list[Entry], following: str | None) -> bytes:
    """The document of a list; `following` is the URL of the next part, if there is one."""
    root = ET.Element(_atom("feed"))
    _add(root, id=url, title=title, updated=_now())
    for relation, target in (("self", url), ("next", following)):
        if target is not None:
            ET.SubElement(root, _atom("link"), rel=relation, href=target)
    root.extend(_entry(namespace, each) for each in entries)
    return _document(root)


def error(status: int, detail: str) -> bytes:
    root = ET.Element("Error")
    ET.SubElement(root, "Code").text = str(status)
    ET.SubElement(root, "Detail").text = detail
    return bytes(ET.tostring(root, encoding="utf-8"))


def _entry(namespace: str, of: Entry) -> ET.Element:
    root = ET.Element(_atom("entry"))
    now = _now()
    _add(root, id=of.url, title=of.title, published=now, updated=now)
    _add(ET.SubElement(root, _atom("author")), name=namespace.partition(".")[0])
    ET.SubElement(root, _atom("content"), type="application/xml").append(of.description)
    return root


def _add(parent: ET.Element, **texts: str) -> None:
    for name, text in texts.items():
        ET.SubElement(parent, _atom(name)).text = text


def _atom(name: str) -> str:
    return f"{{{_ATOM}}}{name}"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _document(root: ET.Element) -> bytes:
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
