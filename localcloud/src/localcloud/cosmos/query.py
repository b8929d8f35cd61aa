"""A query that was read: what `sql.py` makes of its text and `execution.py` runs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from localcloud.cosmos.expressions import (
    ROOT,
    AggregateCall,
    And,
    Comparison,
    Constant,
    Expression,
    Member,
    Reference,
    Row,
)
from localcloud.cosmos.values import UNDEFINED


@dataclass(frozen=True, slots=True)
class Column:
    """A column's name, expression and text, and the aggregates within it."""

    name: str
    expression: Expression
    text: str
    aggregates: tuple[AggregateCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """What a row becomes: itself (`*`, no columns), the value of the one column, or an object of all columns."""

    columns: tuple[Column, ...] = ()
    is_value: bool = False

    @property
    def is_everything(self) -> bool:
        return not self.columns

    @property
    def aggregates(self) -> tuple[AggregateCall, ...]:
        return tuple(aggregate for column in self.columns for aggregate in column.aggregates)


@dataclass(frozen=True, slots=True)
class SortKey:
    expression: Expression
    descending: bool
    text: str


class Collection(Protocol):
    """Where an input's values come from."""

    def values(self, row: Row, /) -> Iterator[Any]: ...


@dataclass(frozen=True, slots=True)
class Path:
    """A document, or a place in one. It has no value if the document has no such place."""

    expression: Expression

    def values(self, row: Row) -> Iterator[Any]:
        value = self.expression.evaluate(row)
        if value is not UNDEFINED:
            yield value


@dataclass(frozen=True, slots=True)
class Input:
    """A source in FROM. With `IN`, the alias stands for each element of the collection's arrays (`iterates`).

    An input without an alias has one that no query can write.
    """

    alias: str
    collection: Collection
    iterates: bool = False

    def values(self, row: Row) -> Iterator[Any]:
        for value in self.collection.values(row):
            if not self.iterates:
                yield value
            elif isinstance(value, list):
                yield from value


@dataclass(frozen=True, slots=True)
class Values:
    """Values that were worked out before."""

    given: list[Any]

    def values(self, _: Row) -> Iterator[Any]:
        return iter(self.given)


@dataclass(frozen=True, slots=True)
class GroupKey:
    expression: Expression
    text: str


@dataclass(frozen=True, slots=True)
class Clauses:
    """The text behind SELECT with its DISTINCT and TOP, FROM and WHERE: what a query plan writes anew."""

    selection: str = ""
    source: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """A query with its parameters filled in. `limit` is that of TOP or of LIMIT."""

    selection: Selection
    inputs: tuple[Input, ...] = ()
    distinct: bool = False
    where: Expression | None = None
    group_by: tuple[GroupKey, ...] = ()
    order_by: tuple[SortKey, ...] = ()
    offset: int | None = None
    limit: int | None = None
    clauses: Clauses = Clauses()

    @property
    def is_grouped(self) -> bool:
        """Whether its rows are put together, by GROUP BY or into one."""
        return bool(self.group_by or self.selection.aggregates)

    @property
    def is_reversed(self) -> bool:
        """Whether an index would be read backward for it."""
        return bool(self.order_by) and self.order_by[0].descending

    def reading(self, values: list[Any]) -> "Query":
        """Copy the query, with these values as what it reads first."""
        first, *others = self.inputs
        return replace(self, inputs=(replace(first, collection=Values(values)), *others))

    def names_partition(self, partition_key: Iterable[tuple[str, ...]]) -> bool:
        """Whether the condition fixes the values at all these paths, so that the query concerns one partition only."""
        if not self.inputs or self.inputs[0].collection != Path(Reference(ROOT)):
            return False
        operands = self.where.operands if isinstance(self.where, And) else (self.where,)
        sides = [
            (operand.left, operand.right)
            for operand in operands
            if isinstance(operand, Comparison) and operand.operator == "="
        ]
        fixed = [one for left, right in sides for one, other in ((left, right), (right, left)) if _is_constant(other)]
        return all(self._property(path) in fixed for path in partition_key)

    def _property(self, path: tuple[str, ...]) -> Expression:
        """Make the expression for a property of a document, such as `c.address.city`."""
        expression: Expression = Reference(self.inputs[0].alias)
        for name in path:
            expression = Member(expression, Constant(name))
        return expression


def _is_constant(expression: Expression) -> bool:
    return isinstance(expression, Constant)
