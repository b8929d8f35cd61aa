"""The files that an overlay is made of: found by following its kustomizations, looked at for changes, searched."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")

Field = tuple[str | int, ...]
"""A field's path in an object, such as ("spec", "containers", 0, "name")."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, counted from 1."""

    path: Path
    line: int

    def __str__(self) -> str:
        return f"{shown(self.path)}:{self.line}"


def shown(path: Path) -> str:
    """The path as a person at the terminal would type it."""
    path, here = path.resolve(), Path.cwd().resolve()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


class Sources:
    """`overlay` is the folder of a kustomization. A file that can't be read or is no YAML leads to no others."""

    def __init__(self, overlay: Path) -> None:
        self.overlay = overlay
        self._named: dict[Path, tuple[object, list[str]]] = {}  # what a kustomization names, with the file's stamp

    def files(self) -> list[Path]:
        """The overlay's own files come first, then those that it builds on."""
        found: dict[Path, None] = {}
        folders = [self.overlay]
        for folder in folders:  # which grows meanwhile
            kustomization = next((path for name in KUSTOMIZATIONS if (path := folder / name).is_file()), None)
            if kustomization is None:
                continue
            found[kustomization] = None
            for text in self._texts(kustomization):
                path = folder / text.rpartition("=")[2]  # a generator's file may be written `key=path`
                if path.is_dir() and path.resolve() not in {each.resolve() for each in folders}:
                    folders.append(path)
                elif path.is_file():
                    found[path] = None
        return list({path.resolve(): path for path in found}.values())

    def stamp(self) -> frozenset[tuple[Path, object]]:
        """Differs from an earlier one if a file was changed, added or taken away."""
        return frozenset((path, _stamp(path)) for path in self.files())

    def place(self, kind: str, name: str, field: Field = ()) -> Place | None:
        """Where the object's field is set, or else the nearest field around it; nothing if no file has the object.

        If several files set it, the one that is applied last counts: the overlay's patches before its base.
        """
        best: tuple[int, Place] | None = None
        for path in self.files():
            for document in documents(path):
                if _text(document, "kind") == kind and _text(document, "metadata", "name") == name:
                    depth, node = _descend(document, field)
                    if best is None or depth > best[0]:
                        best = depth, Place(path, node.start_mark.line + 1)
        return best[1] if best else None

    def place_of_text(self, text: str) -> Place | None:
        """The first line that has the text."""
        return next((place for place, _line in self.places_of_text(text)), None)

    def places_of_text(self, text: str) -> list[tuple[Place, str]]:
        """Every line that has the text, and what stands there."""
        return [
            (Place(path, number), line)
            for path in self.files()
            for number, line in enumerate(_lines(path), 1)
            if text in line and not line.lstrip().startswith("#")
        ]

    def _texts(self, kustomization: Path) -> list[str]:
        stamp = _stamp(kustomization)
        known = self._named.get(kustomization)
        if known is None or known[0] != stamp:
            texts = [text for document in documents(kustomization) for text in _all_texts(document)]
            known = self._named[kustomization] = (stamp, [text for text in texts if 0 < len(text) < 256])
        return known[1]


def documents(path: Path) -> list[Node]:
    """The file's YAML documents with their lines, none if it is no YAML."""
    try:
        loader = yaml.compose_all(path.read_text(), Loader=yaml.SafeLoader)
        return [document for document in loader if document is not None]
    except (OSError, ValueError, yaml.YAMLError):
        return []


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []


def _stamp(path: Path) -> object:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _all_texts(node: Node) -> Iterator[str]:
    match node:
        case ScalarNode():
            yield str(node.value)
        case SequenceNode():
            for item in node.value:
                yield from _all_texts(item)
        case MappingNode():
            for _key, value in node.value:
                yield from _all_texts(value)


def _child(node: Node, step: str | int) -> tuple[Node, Node] | None:
    """The key and the value below a step."""
    if isinstance(node, MappingNode):
        return next(((key, value) for key, value in node.value if key.value == step), None)
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _descend(node: Node, field: Field) -> tuple[int, Node]:
    """How far the path leads, and the key or item where it ends."""
    where = node
    for depth, step in enumerate(field):
        below = _child(node, step)
        if below is None:
            return depth, where
        where, node = below
    return len(field), where


def _text(node: Node, *field: str) -> Any:
    for step in field:
        below = _child(node, step)
        if below is None:
            return None
        node = below[1]
    return getattr(node, "value", None)
