"""A query that was read: what `sql.py` makes of its text and `execution.py` runs."""

from dataclasses import dataclass

from localcloud.cosmos.aggregates import Aggregate
from localcloud.cosmos.expressions import And, Comparison, Constant, Expression, Member, Reference


@dataclass(frozen=True, slots=True)
class Selection:
    """What a row becomes: itself (`*`, no columns), the value of the one column, or an object of all columns."""

    columns: tuple[tuple[str, Expression | Aggregate], ...] = ()
    is_value: bool = False

    @property
    def is_everything(self) -> bool:
        return not self.columns

    @property
    def is_aggregate(self) -> bool:
        return any(isinstance(expression, Aggregate) for _, expression in self.columns)


@dataclass(frozen=True, slots=True)
class SortKey:
    expression: Expression
    descending: bool


@dataclass(frozen=True, slots=True)
class Source:
    """The alias of the container's items, and of the elements of arrays that are joined to them."""

    alias: str
    joins: tuple[tuple[str, Expression], ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """A query with its parameters filled in. `limit` is that of TOP or of LIMIT; `source` is None without FROM."""

    selection: Selection
    source: Source | None
    distinct: bool = False
    where: Expression | None = None
    order_by: tuple[SortKey, ...] = ()
    offset: int = 0
    limit: int | None = None

    def names_partition(self, partition_key: str) -> bool:
        """Whether the condition fixes the partition key, so that the query concerns one partition only."""
        operands = self.where.operands if isinstance(self.where, And) else (self.where,)
        return any(
            isinstance(operand, Comparison)
            and operand.operator == "="
            and any(isinstance(side, Constant) for side in (operand.left, operand.right))
            and any(_is_property(side, partition_key) for side in (operand.left, operand.right))
            for operand in operands
        )


def _is_property(expression: Expression, name: str) -> bool:
    """Whether it is this property of a document, such as `c.name`."""
    return (
        isinstance(expression, Member) and isinstance(expression.base, Reference) and expression.key == Constant(name)
    )
