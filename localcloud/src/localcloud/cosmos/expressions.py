"""The scalar expressions of Cosmos DB's SQL. Each is evaluated on a row: the values of the query's aliases.

AND, OR and NOT have three values: undefined decides nothing, and a condition that is undefined selects nothing
(https://learn.microsoft.com/azure/cosmos-db/nosql/query/logical-operators).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from localcloud.cosmos import like
from localcloud.cosmos.values import UNDEFINED, Truth, check_length, equal, identity, is_integer, order

Row = Mapping[object, Any]
"""The values by alias, the whole document by `ROOT`, and in a group the values of its aggregates."""

ROOT: Final = "(root)"


class Expression(Protocol):
    def evaluate(self, row: Row, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal or the value of a parameter."""

    value: Any

    def evaluate(self, _: Row) -> Any:
        return self.value


@dataclass(frozen=True, slots=True)
class Reference:
    """The alias of an input, or `ROOT`."""

    name: str

    def evaluate(self, row: Row) -> Any:
        return row[self.name]


@dataclass(frozen=True, slots=True)
class Member:
    """A property of an object, `c.name` or `c["name"]`, or an element of an array, `c.tags[0]`."""

    base: Expression
    key: Expression

    def evaluate(self, row: Row) -> Any:
        base, key = self.base.evaluate(row), self.key.evaluate(row)
        if isinstance(base, dict) and isinstance(key, str):
            return base.get(key, UNDEFINED)
        if isinstance(base, list) and is_integer(key) and 0 <= key < len(base):
            return base[int(key)]
        return UNDEFINED


@dataclass(frozen=True, slots=True)
class And:
    operands: tuple[Expression, ...]

    def evaluate(self, row: Row) -> Truth:
        return _decide((operand.evaluate(row) for operand in self.operands), decisive=False)


@dataclass(frozen=True, slots=True)
class Or:
    operands: tuple[Expression, ...]

    def evaluate(self, row: Row) -> Truth:
        return _decide((operand.evaluate(row) for operand in self.operands), decisive=True)


@dataclass(frozen=True, slots=True)
class Not:
    operand: Expression

    def evaluate(self, row: Row) -> Truth:
        value = self.operand.evaluate(row)
        return not value if isinstance(value, bool) else UNDEFINED


@dataclass(frozen=True, slots=True)
class Comparison:
    """`operator` is one of = != < <= > >=."""

    operator: str
    left: Expression
    right: Expression

    def evaluate(self, row: Row) -> Truth:
        left, right = self.left.evaluate(row), self.right.evaluate(row)
        if self.operator in ("=", "!="):
            same = equal(left, right)
            return same if self.operator == "=" or same is UNDEFINED else not same
        sign = order(left, right)
        if sign is UNDEFINED:
            return UNDEFINED
        match self.operator:
            case "<":
                return sign < 0
            case "<=":
                return sign <= 0
            case ">":
                return sign > 0
        return sign >= 0


@dataclass(frozen=True, slots=True)
class Within:
    """`value IN (candidate, …)`, for which the candidates that are constants are told by their `identity`.

    A candidate that is undefined is none.
    """

    value: Expression
    constants: frozenset[Any]
    others: tuple[Expression, ...]

    def evaluate(self, row: Row) -> Truth:
        value = self.value.evaluate(row)
        found = identity(value) in self.constants or any(equal(value, one.evaluate(row)) is True for one in self.others)
        return UNDEFINED if value is UNDEFINED else found


@dataclass(frozen=True, slots=True)
class Like:
    """`value LIKE pattern ESCAPE 'x'`; undefined unless both are strings."""

    value: Expression
    pattern: Expression
    escape: str | None

    def evaluate(self, row: Row) -> Truth:
        value, pattern = self.value.evaluate(row), self.pattern.evaluate(row)
        if not isinstance(value, str) or not isinstance(pattern, str):
            return UNDEFINED
        return like.matches(value, pattern, self.escape)


@dataclass(frozen=True, slots=True)
class Conditional:
    """`condition ? consequent : alternative`. Only true is true."""

    condition: Expression
    consequent: Expression
    alternative: Expression

    def evaluate(self, row: Row) -> Any:
        return (self.consequent if self.condition.evaluate(row) is True else self.alternative).evaluate(row)


@dataclass(frozen=True, slots=True)
class Coalesce:
    """`left ?? right`: the right value if the left one is undefined. Null is a value."""

    left: Expression
    right: Expression

    def evaluate(self, row: Row) -> Any:
        value = self.left.evaluate(row)
        return self.right.evaluate(row) if value is UNDEFINED else value


@dataclass(frozen=True, slots=True)
class Call:
    """A built-in function or an operator. It gets undefined for an argument that is undefined."""

    function: Callable[..., Any]
    arguments: tuple[Expression, ...]

    def evaluate(self, row: Row) -> Any:
        value = self.function(*(argument.evaluate(row) for argument in self.arguments))
        if isinstance(value, str | list):
            check_length(len(value))
        return value


@dataclass(frozen=True, slots=True, eq=False)
class AggregateCall:
    """An aggregate of a query's rows. `text` is its argument as it is written; the row of a group holds its value."""

    function: str
    argument: Expression
    text: str

    def evaluate(self, row: Row) -> Any:
        return row[self]


@dataclass(frozen=True, slots=True)
class ArrayLiteral:
    elements: tuple[Expression, ...]

    def evaluate(self, row: Row) -> Any:
        values = (element.evaluate(row) for element in self.elements)
        return [value for value in values if value is not UNDEFINED]


@dataclass(frozen=True, slots=True)
class ObjectLiteral:
    members: tuple[tuple[str, Expression], ...]

    def evaluate(self, row: Row) -> Any:
        values = ((name, expression.evaluate(row)) for name, expression in self.members)
        return {name: value for name, value in values if value is not UNDEFINED}


def _decide(values: Iterable[Any], decisive: bool) -> Truth:
    undecided = False
    for value in values:
        if not isinstance(value, bool):
            undecided = True
        elif value == decisive:
            return decisive
    return UNDEFINED if undecided else not decisive
