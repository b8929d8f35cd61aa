"""The names that a query knows while it is read: the aliases of its own inputs and of the queries around it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lark import Token, Tree

from localcloud.cosmos.expressions import AggregateCall

Node = Tree[Token] | Token


@dataclass(slots=True)
class Scope:
    """Of one query. `outer` is the query around it, None for the whole query.

    `aliases` tells for each alias whether it stands for a place in a document, which can be sorted by. `ungrouped` are
    the references outside any aggregate that GROUP BY does not cover, in the columns read so far. `aggregating` is the
    aggregate whose argument is being read.
    """

    outer: "Scope | None" = None
    aliases: dict[str, bool] = field(default_factory=dict)
    selecting: bool = False
    aggregating: Node | None = None
    aggregates: list[AggregateCall] = field(default_factory=list)
    group_keys: set[str] = field(default_factory=set)
    ungrouped: list[Node] = field(default_factory=list)

    def owner(self, name: str) -> "Scope | None":
        """Find the innermost query that has this alias."""
        return next((scope for scope in self.chain() if name in scope.aliases), None)

    def chain(self) -> Iterator["Scope"]:
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer


def span(node: Any) -> tuple[int, int]:
    """Find where a part of the query begins and ends in its text."""
    if isinstance(node, Token):
        return node.start_pos or 0, node.end_pos or 0
    return node.meta.start_pos, node.meta.end_pos
