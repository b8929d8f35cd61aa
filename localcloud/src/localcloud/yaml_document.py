"""Read one YAML document, and name the line of a mistake.

PyYAML alone does not name it: the date 2026-13-01 is a bare `ValueError`, and of two equal keys the last one counts
without a word.
"""

import reprlib
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, Node, ScalarNode
from yaml.reader import ReaderError


class YamlError(Exception):
    """The content is not one YAML document; the message ends with the line."""


def parse(content: bytes) -> Any:
    """Return the document as Python's own types, `None` if it is empty. Raises `YamlError`."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise YamlError(f"it is not text in line {_line(content[: error.start].decode())}") from error
    try:
        loader = _Loader(text)
    except ReaderError as error:
        raise YamlError(f"it is not text in line {_line(text[: error.position])}") from error
    try:
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise YamlError(f"{': '.join(filter(None, (error.context, error.problem)))} in line {line}") from error
    except RecursionError as error:
        raise YamlError(f"it is nested too deeply in line {loader.line + 1}") from error


class _Loader(yaml.SafeLoader):
    """Refuse what PyYAML accepts by mistake, and name the line of each refusal."""

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        if self.check_event(yaml.AliasEvent):
            alias = self.peek_event()  # type: ignore[no-untyped-call]
            named = self.anchors.get(alias.anchor)
            if named is not None and named.end_mark is None:  # what it names has not ended yet
                raise ComposerError(None, None, f"*{alias.anchor} stands within what it names", alias.start_mark)
            return super().compose_node(parent, index)
        node = super().compose_node(parent, index)
        if isinstance(node, MappingNode):
            _check_keys(node)
        return node

    def construct_object(self, node: Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (yaml.YAMLError, RecursionError):
            raise
        except Exception as error:  # constructors raise ValueError, KeyError and AttributeError
            kind = node.tag.rpartition(":")[2]
            raise ConstructorError(None, None, f"{reprlib.repr(node.value)} is no {kind}", node.start_mark) from error


def _check_keys(mapping: MappingNode) -> None:
    keys = set()
    for key, _value in mapping.value:
        if not isinstance(key, ScalarNode):
            raise ComposerError(None, None, "a key is a list or a map", key.start_mark)
        if key.value in keys:
            raise ComposerError(None, None, f"the key {key.value!r} stands a second time", key.start_mark)
        keys.add(key.value)


def _line(text_before: str) -> int:
    return text_before.count("\n") + 1
