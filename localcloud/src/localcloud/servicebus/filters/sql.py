"""Reads the text of a SQL filter or of an action, by the grammar in `sql.lark`."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import LarkError, VisitError

from localcloud.servicebus.filters.subject import Subject
from localcloud.servicebus.filters.values import FilterError, calculate, compare, matches, negate
from localcloud.servicebus.quotas import ACTION_STATEMENTS, SQL_LENGTH

Evaluate = Callable[[Subject], Any]
Act = Callable[[Subject], None]


class SqlError(ValueError):
    """The text is no filter or no action, or it is too long."""


@dataclass(frozen=True, slots=True)
class _Expression:
    """A value of a message."""

    of: Evaluate


@dataclass(frozen=True, slots=True)
class _Predicate:
    """Whether a message has something: true, false or unknown."""

    of: Evaluate


@dataclass(frozen=True, slots=True)
class _Property(_Expression):
    scope: str
    name: str


def parse_filter(text: str) -> Callable[[Subject], bool]:
    """The filter; raises `SqlError`. It says whether it takes a message, or raises `FilterError`."""
    of = _predicate(_parse(_FILTER, text))

    def takes(subject: Subject) -> bool:
        with _bounded():
            return of(subject) is True

    return takes


def parse_action(text: str) -> Act:
    """The action; raises `SqlError`. It changes a message, or raises `FilterError`."""
    statements: list[Act] = _parse(_ACTION, text)
    if len(statements) > ACTION_STATEMENTS:
        raise SqlError(f"An action has {ACTION_STATEMENTS} statements at most.")

    def act(subject: Subject) -> None:
        with _bounded():
            for statement in statements:
                statement(subject)

    return act


@contextmanager
def _bounded() -> Iterator[None]:
    """A text that nests deeper than Python calls can't be evaluated."""
    try:
        yield
    except RecursionError as error:
        raise FilterError("The expression nests too deeply.") from error


class _Reader(Transformer[Token, Any]):
    """Makes of each part of the text what evaluates it."""

    def filter(self, parts: list[Any]) -> _Predicate | _Expression:
        return parts[0]  # type: ignore[no-any-return]

    def action(self, parts: list[Any]) -> list[Act]:
        return parts

    def set(self, parts: list[Any]) -> Act:
        target, value = parts[0], _expression(parts[1])
        if target.scope == "sys":
            return lambda subject: subject.set_system_property(target.name, value(subject))
        return lambda subject: subject.set(target.name, value(subject))

    def remove(self, parts: list[Any]) -> Act:
        target = parts[0]
        if target.scope == "sys":
            return lambda subject: subject.set_system_property(target.name, None)
        return lambda subject: subject.remove(target.name)

    def either(self, parts: list[Any]) -> _Predicate:
        left, right = map(_predicate, parts)

        def of(subject: Subject) -> bool | None:
            first = left(subject)
            second = None if first is True else right(subject)
            return True if first is True or second is True else None if first is None or second is None else False

        return _Predicate(of)

    def both(self, parts: list[Any]) -> _Predicate:
        left, right = map(_predicate, parts)

        def of(subject: Subject) -> bool | None:
            first = left(subject)
            second = None if first is False else right(subject)
            return False if first is False or second is False else None if first is None or second is None else True

        return _Predicate(of)

    def negated(self, parts: list[Any]) -> _Predicate:
        return _Predicate(_not(_predicate(parts[0])))

    def compared(self, parts: list[Any]) -> _Predicate:
        left, right = _expression(parts[0]), _expression(parts[-1])
        sign = str(parts[1]) if len(parts) == 3 else "="
        return _Predicate(lambda subject: compare(sign, left(subject), right(subject)))

    def is_null(self, parts: list[Any]) -> _Predicate:
        if not isinstance(parts[0], _Property):
            raise SqlError("IS NULL is asked of a property.")
        of, negated = parts[0].of, parts[1] is not None
        return _Predicate(lambda subject: (of(subject) is None) != negated)

    def within(self, parts: list[Any]) -> _Predicate:
        left, negated, items = _expression(parts[0]), parts[1] is not None, [_expression(part) for part in parts[2:]]

        def of(subject: Subject) -> bool | None:
            value = left(subject)
            return None if value is None else any(compare("=", value, item(subject)) is True for item in items)

        return _Predicate(_not(of) if negated else of)

    def like(self, parts: list[Any]) -> _Predicate:
        text, negated, pattern = _expression(parts[0]), parts[1] is not None, _expression(parts[2])
        escape = None if parts[3] is None else _expression(parts[3])

        def of(subject: Subject) -> bool | None:
            operands = text(subject), pattern(subject)
            escaping = None if escape is None else escape(subject)
            if None in operands or (escape is not None and escaping is None):
                return None
            if not all(isinstance(operand, str) for operand in operands):
                raise FilterError("LIKE compares strings.")
            if escaping is not None and not (isinstance(escaping, str) and len(escaping) == 1):
                raise FilterError("An escape character is a string of length 1.")
            return matches(*operands, escaping)

        return _Predicate(_not(of) if negated else of)

    def exists(self, parts: list[Any]) -> _Predicate:
        asked: _Property = parts[0]
        if asked.scope == "sys":
            return _Predicate(lambda subject: asked.of(subject) is not None)
        return _Predicate(lambda subject: subject.has(asked.name))

    def arithmetic(self, parts: list[Any]) -> _Expression:
        left, sign, right = _expression(parts[0]), str(parts[1]), _expression(parts[2])
        return _Expression(lambda subject: calculate(sign, left(subject), right(subject)))

    def unary(self, parts: list[Any]) -> _Expression:
        sign, value = str(parts[0]), _expression(parts[1])
        if sign == "-":
            return _Expression(lambda subject: negate(value(subject)))
        return _Expression(lambda subject: negate(negate(value(subject))))

    def integer(self, parts: list[Any]) -> _Expression:
        value = int(parts[0])
        if value >= 2**63:
            raise SqlError(f"{parts[0]} is no 64-bit integer.")
        return _Expression(lambda _: value)

    def number(self, parts: list[Any]) -> _Expression:
        value = float(parts[0])
        return _Expression(lambda _: value)

    def string(self, parts: list[Any]) -> _Expression:
        value = str(parts[0])[1:-1].replace("''", "'")
        return _Expression(lambda _: value)

    def true(self, _: list[Any]) -> _Expression:
        return _Expression(lambda _: True)

    def false(self, _: list[Any]) -> _Expression:
        return _Expression(lambda _: False)

    def null(self, _: list[Any]) -> _Expression:
        return _Expression(lambda _: None)

    def function(self, parts: list[Any]) -> _Expression:
        name, argument = str(parts[0]).lower(), parts[1]
        if name == "newid" and argument is None:
            return _Expression(lambda _: uuid.uuid4())
        if name in ("p", "property") and argument is not None:
            asked = _expression(argument)
            return _Expression(lambda subject: _named(subject, asked(subject)))
        raise SqlError(f"There is no function '{parts[0]}' with these arguments.")

    def property(self, parts: list[Any]) -> _Property:
        scope = "user" if parts[0] is None else str(parts[0]).lower()
        name = _unquoted(parts[1])
        if scope == "sys":
            return _Property(lambda subject: subject.system_property(name), scope, name)
        if scope == "user":
            return _Property(lambda subject: subject.property(name), scope, name)
        raise SqlError(f"'{parts[0]}' is no scope: a property's scope is sys or user.")


def _parse(grammar: Lark, text: str) -> Any:
    if len(text) > SQL_LENGTH:
        raise SqlError(f"A SQL expression has {SQL_LENGTH} characters at most.")
    try:
        return grammar.parse(text)
    except VisitError as error:
        raise SqlError(str(error.orig_exc)) from error
    except LarkError as error:
        raise SqlError(_sentence(text, error)) from error


def _sentence(text: str, error: LarkError) -> str:
    place = getattr(error, "pos_in_stream", None)
    if place is None or place < 0 or place >= len(text):
        return "There is a syntax error at the end of the SQL expression."
    return f"There is a syntax error in the SQL expression at '{text[place : place + 20]}'."


def _predicate(part: Any) -> Evaluate:
    if not isinstance(part, _Predicate):
        raise SqlError("There is a value in the place of a condition.")
    return part.of


def _expression(part: Any) -> Evaluate:
    if not isinstance(part, _Expression):
        raise SqlError("There is a condition in the place of a value.")
    return part.of


def _not(of: Evaluate) -> Evaluate:
    def negated(subject: Subject) -> bool | None:
        value = of(subject)
        return None if value is None else not value

    return negated


def _named(subject: Subject, name: Any) -> Any:
    """The property that an expression names."""
    if name is None:
        return None
    if not isinstance(name, str):
        raise FilterError("A property is named by a string.")
    scope, dot, rest = name.partition(".")
    if dot and scope.lower() == "sys":
        return subject.system_property(rest)
    return subject.property(rest if dot and scope.lower() == "user" else name)


def _unquoted(token: Token) -> str:
    match token.type:
        case "DELIMITED":
            return str(token)[1:-1].replace("]]", "]")
        case "QUOTED":
            return str(token)[1:-1].replace('""', '"')
        case _:
            return str(token)


def _grammar(start: str) -> Lark:
    return Lark(
        files("localcloud.servicebus.filters").joinpath("sql.lark").read_text(),
        start=start,
        parser="lalr",
        lexer="basic",  # so that a reserved word is one everywhere
        maybe_placeholders=True,
        transformer=_Reader(),
    )


_FILTER, _ACTION = _grammar("filter"), _grammar("action")
