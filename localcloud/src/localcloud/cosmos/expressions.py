"""The scalar expressions of Cosmos DB's SQL. Each is evaluated on a row: the values of the query's aliases.

AND, OR and NOT have three values: undefined decides nothing, and a condition that is undefined selects nothing
(https://learn.microsoft.com/azure/cosmos-db/nosql/query/logical-operators).
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from localcloud.cosmos.values import UNDEFINED, Truth, equal, is_number, order

Row = Mapping[str, Any]


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
    """The alias of an input."""

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
        if isinstance(base, list) and is_number(key) and 0 <= key < len(base) and key == int(key):
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
class Arithmetic:
    """`operator` is one of + - * / %, for numbers, or ||, for strings."""

    operator: str
    left: Expression
    right: Expression

    def evaluate(self, row: Row) -> Any:
        left, right = self.left.evaluate(row), self.right.evaluate(row)
        if self.operator == "||":
            return left + right if isinstance(left, str) and isinstance(right, str) else UNDEFINED
        if not is_number(left) or not is_number(right):
            return UNDEFINED
        return _number(self.operator, left, right)


@dataclass(frozen=True, slots=True)
class Call:
    """A built-in function. It gets undefined for an argument that is undefined."""

    function: Callable[..., Any]
    arguments: tuple[Expression, ...]

    def evaluate(self, row: Row) -> Any:
        return self.function(*(argument.evaluate(row) for argument in self.arguments))


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


def _number(operator: str, left: float, right: float) -> Any:
    try:
        result = {
            "+": lambda: left + right,
            "-": lambda: left - right,
            "*": lambda: left * right,
            "/": lambda: left / right,
            "%": lambda: math.fmod(left, right),
        }[operator]()
    except (ZeroDivisionError, OverflowError, ValueError):
        return UNDEFINED
    if isinstance(result, int) and abs(result) > 2**63:
        result = float(result)
    if isinstance(result, float) and not math.isfinite(result):
        return UNDEFINED
    return int(result) if isinstance(result, float) and result.is_integer() and abs(result) < 2**53 else result
