"""Reads a query's text, by the grammar in `sql.lark`, into a `Query` that can be run (`query.py`)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, cast

from lark import Lark, Token, Transformer, Tree, v_args
from lark.exceptions import UnexpectedEOF, UnexpectedInput, UnexpectedToken, VisitError

from localcloud.cosmos import aggregates, expressions, functions, json_text
from localcloud.cosmos.aggregates import Aggregate
from localcloud.cosmos.errors import QueryError
from localcloud.cosmos.expressions import Constant, Expression, Member, Reference
from localcloud.cosmos.values import UNDEFINED

LONGEST = 512 * 1024  # characters of a query, https://learn.microsoft.com/azure/cosmos-db/concepts-limits

_GRAMMAR = Lark(
    files("localcloud.cosmos").joinpath("sql.lark").read_text(),
    start="query",
    parser="lalr",
    maybe_placeholders=True,
    propagate_positions=True,
)


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


def parse(text: str, parameters: Mapping[str, Any]) -> Query:
    """The query; raises `QueryError`, which is a 400, for everything that Cosmos DB's SQL or this grammar refuses."""
    try:
        return cast(Query, _Reader(parameters).transform(_tree(text)))
    except VisitError as error:
        if isinstance(error.orig_exc, QueryError):
            raise error.orig_exc from error
        if isinstance(error.orig_exc, RecursionError | ValueError):
            raise QueryError("SC1001", "Syntax error, the query holds a value that can't be read.") from error
        raise
    except RecursionError as error:
        raise QueryError("SC3030", "The query is nested too deeply.") from error


@lru_cache(maxsize=256)
def _tree(text: str) -> Tree[Token]:
    if len(text) > LONGEST:
        raise QueryError("SC3027", f"The query text exceeds the limit of {LONGEST} characters.")
    try:
        return _GRAMMAR.parse(text)
    except UnexpectedEOF as error:
        raise _end_of_file(text) from error
    except UnexpectedInput as error:
        if isinstance(error, UnexpectedToken) and error.token.type == "$END":
            raise _end_of_file(text) from error
        start = error.pos_in_stream or 0
        near = str(error.token) if isinstance(error, UnexpectedToken) else text[start : start + 1]
        message = f"Syntax error, incorrect syntax near '{near[:100]}'."
        raise QueryError("SC1001", message, start, start + len(near)) from error


def _end_of_file(text: str) -> QueryError:
    return QueryError("SC1002", "Syntax error, unexpected end-of-file.", len(text), len(text))


@v_args(inline=True)
class _Reader(Transformer[Token, Any]):
    """Turns the tree, leaves first, into the query: a method for every rule of the grammar."""

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
