"""Turns the tree of a query's text, leaves first, into a `Query`."""

import json
from collections.abc import Mapping
from typing import Any, cast

from lark import Token, Transformer, v_args

from localcloud.cosmos import aggregates, expressions, functions, json_text
from localcloud.cosmos.aggregates import Aggregate
from localcloud.cosmos.errors import QueryError
from localcloud.cosmos.expressions import Constant, Expression, Member, Reference
from localcloud.cosmos.query import Query, Selection, SortKey, Source
from localcloud.cosmos.values import UNDEFINED


@v_args(inline=True)
class Reader(Transformer[Token, Any]):
    """A method for every rule of the grammar. Raises `QueryError`, which the transformer wraps in a `VisitError`."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        super().__init__()
        self._parameters = parameters
        self._references: list[Token] = []

    def query(
        self,
        distinct: Token | None,
        top: int | None,
        selection: Selection,
        source: Source | None,
        where: Expression | None,
        order_by: tuple[SortKey, ...] | None,
        window: tuple[int, int] | None,
    ) -> Query:
        self._check_references(source)
        if selection.is_everything and (source is None or source.joins):
            raise QueryError("SC2060", "'SELECT *' is only valid with a single input set.")
        if window is not None and top is not None:
            raise QueryError("SC2056", "TOP can't be used together with OFFSET LIMIT.")
        offset, limit = window or (0, top)
        return Query(selection, source, distinct is not None, where, order_by or (), offset, limit)

    def top(self, count: Constant) -> int:
        return _count(count)

    def everything(self) -> Selection:
        return Selection()

    def value(self, expression: Expression | Aggregate) -> Selection:
        return Selection((("$1", expression),), is_value=True)

    def columns(self, *columns: tuple[str | None, Expression | Aggregate]) -> Selection:
        named = tuple((name or f"${number}", expression) for number, (name, expression) in enumerate(columns, 1))
        kinds = {isinstance(expression, Aggregate) for _, expression in named}
        if len(kinds) == 2:
            raise QueryError("SC2102", "A column beside an aggregate must be an aggregate too: GROUP BY is not known.")
        return Selection(named)

    def column(self, expression: Any, alias: Token | None) -> tuple[str | None, Any]:
        if alias is not None:
            return str(alias), expression
        if isinstance(expression, Reference):
            return expression.name, expression
        if isinstance(expression, Member) and isinstance(expression.key, Constant):
            key = expression.key.value
            return (key if isinstance(key, str) else None), expression
        return None, expression

    def source(self, alias: str, *joins: tuple[str, Expression]) -> Source:
        return Source(alias, joins)

    def input(self, name: Token, alias: Token | None) -> str:
        return str(alias or name)

    def join(self, alias: Token, array: Any) -> tuple[str, Expression]:
        return str(alias), _scalar(array)

    def where(self, condition: Any) -> Expression:
        return _scalar(condition)

    def order_by(self, *keys: SortKey) -> tuple[SortKey, ...]:
        return keys

    def sort_key(self, expression: Any, descending: Token | None = None) -> SortKey:
        return SortKey(_scalar(expression), descending is not None)

    def offset_limit(self, offset: Constant, limit: Constant) -> tuple[int, int]:
        return _count(offset), _count(limit)

    def either(self, *operands: Any) -> Expression:
        return expressions.Or(_scalars(operands))

    def both(self, *operands: Any) -> Expression:
        return expressions.And(_scalars(operands))

    def negation(self, _: Token, operand: Any) -> Expression:
        return expressions.Not(_scalar(operand))

    def comparison(self, left: Any, operator: Token, right: Any) -> Expression:
        return expressions.Comparison("!=" if operator == "<>" else str(operator), _scalar(left), _scalar(right))

    def is_in(self, value: Any, negated: Token | None, *candidates: Any) -> Expression:
        among = expressions.Or(
            tuple(expressions.Comparison("=", _scalar(value), candidate) for candidate in _scalars(candidates))
        )
        return expressions.Not(among) if negated else among

    def is_between(self, value: Any, negated: Token | None, low: Any, high: Any) -> Expression:
        value = _scalar(value)
        within = expressions.And(
            (expressions.Comparison(">=", value, _scalar(low)), expressions.Comparison("<=", value, _scalar(high)))
        )
        return expressions.Not(within) if negated else within

    def arithmetic(self, left: Any, operator: Token, right: Any) -> Expression:
        return expressions.Arithmetic(str(operator), _scalar(left), _scalar(right))

    def signed(self, sign: Token, operand: Any) -> Expression:
        return expressions.Arithmetic(str(sign), Constant(0), _scalar(operand))

    def member(self, base: Any, name: Token) -> Expression:
        return Member(_scalar(base), Constant(name.lstrip(". \t\r\n")))

    def element(self, base: Any, key: Any) -> Expression:
        return Member(_scalar(base), _scalar(key))

    def reference(self, name: Token) -> Expression:
        self._references.append(name)
        return Reference(str(name))

    def call(self, name: Token, *arguments: Any) -> Expression | Aggregate:
        given = () if arguments == (None,) else _scalars(arguments)
        compute = aggregates.FUNCTIONS.get(name.upper())
        if compute is not None and len(given) == 1:
            return Aggregate(compute, given[0])
        known = functions.lookup(name)
        if known is None and compute is None:
            raise _at(name, "SC2005", f"'{name[:100]}' is not a recognized built-in function name.")
        if known is None or len(given) not in known[1]:
            raise _at(name, "SC2050", f"The {name.upper()} function does not take {len(given)} arguments.")
        return expressions.Call(known[0], given)

    def array(self, *elements: Any) -> Expression:
        return expressions.ArrayLiteral(() if elements == (None,) else _scalars(elements))

    def object(self, *members: Any) -> Expression:
        return expressions.ObjectLiteral(() if members == (None,) else members)

    def pair(self, name: Token, value: Any) -> tuple[str, Expression]:
        return (_unquote(name) if name.type == "STRING" else str(name)), _scalar(value)

    def parameter(self, name: Token) -> Constant:
        if str(name) not in self._parameters:
            raise _at(name, "SC2001", f"Identifier '{name[:100]}' could not be resolved.")
        return Constant(self._parameters[str(name)])

    def number(self, text: Token) -> Constant:
        return Constant(json_text.parse(str(text)))

    def string(self, text: Token) -> Constant:
        return Constant(_unquote(text))

    def true(self) -> Constant:
        return Constant(True)

    def false(self) -> Constant:
        return Constant(False)

    def null(self) -> Constant:
        return Constant(None)

    def undefined(self) -> Constant:
        return Constant(UNDEFINED)

    def _check_references(self, source: Source | None) -> None:
        known = {source.alias, *(alias for alias, _ in source.joins)} if source else set()
        for name in self._references:
            if str(name) not in known:
                raise _at(name, "SC2001", f"Identifier '{name[:100]}' could not be resolved.")


def _scalar(expression: Any) -> Expression:
    if isinstance(expression, Aggregate):
        raise QueryError("SC2101", "An aggregate is known only as a whole column, such as SELECT VALUE COUNT(1).")
    return cast(Expression, expression)


def _scalars(values: Any) -> tuple[Expression, ...]:
    return tuple(_scalar(value) for value in values)


def _count(constant: Constant) -> int:
    value = constant.value
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise QueryError("SC2062", "TOP, OFFSET and LIMIT take a whole number that is not negative.")
    return value


def _unquote(text: Token) -> str:
    """A string literal's value; its escapes are JSON's, and the quote that encloses it."""
    inner = text[1:-1]
    if text[0] == "'":
        inner = inner.replace("\\'", "'").replace('"', '\\"')
    return cast(str, json.loads(f'"{inner}"', strict=False))


def _at(token: Token, code: str, message: str) -> QueryError:
    start = token.start_pos or 0
    return QueryError(code, message, start, start + len(token))
