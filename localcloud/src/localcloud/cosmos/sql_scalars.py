"""Turns the tree of a scalar expression into an `Expression`."""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, cast

from lark import Token, Tree

from localcloud.cosmos import aggregates, expressions, functions, operators, subqueries
from localcloud.cosmos.errors import QueryError
from localcloud.cosmos.expressions import AggregateCall, Call, Constant, Expression, Member, Reference
from localcloud.cosmos.query import Query
from localcloud.cosmos.scopes import Node, Scope, span
from localcloud.cosmos.values import UNDEFINED, identity

_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf}  # constants by name, as the pages of TOSTRING and others use them
_LITERALS = {"true": True, "false": False, "null": None, "undefined": UNDEFINED}


class ScalarReader(ABC):
    """A method for each rule of the grammar that is a scalar expression. Raises `QueryError`."""

    def __init__(self, text: str, parameters: Mapping[str, Any]) -> None:
        self._text = text
        self._parameters = parameters

    @abstractmethod
    def subquery(self, node: Tree[Token], scope: Scope) -> Query: ...

    def scalar(self, node: Any, scope: Scope) -> Expression:
        known = len(scope.ungrouped)
        if node.data in _LITERALS:
            return Constant(_LITERALS[node.data])
        read = cast(Callable[[Tree[Token], Scope], Expression], getattr(self, f"read_{node.data}"))
        expression = read(node, scope)
        if scope.group_keys and repr(expression) in scope.group_keys:
            del scope.ungrouped[known:]
        return expression

    def scalars(self, nodes: Any, scope: Scope) -> tuple[Expression, ...]:
        return tuple(self.scalar(node, scope) for node in nodes if node is not None)

    def slice(self, node: Node) -> str:
        """Cut a part out of the query's text."""
        start, end = span(node)
        return self._text[start:end]

    def read_conditional(self, node: Tree[Token], scope: Scope) -> Expression:
        return expressions.Conditional(*self.scalars(node.children, scope))

    def read_coalescing(self, node: Tree[Token], scope: Scope) -> Expression:
        return expressions.Coalesce(*self.scalars(node.children, scope))

    def read_either(self, node: Tree[Token], scope: Scope) -> Expression:
        return expressions.Or(self.scalars(node.children, scope))

    def read_both(self, node: Tree[Token], scope: Scope) -> Expression:
        return expressions.And(self.scalars(node.children, scope))

    def read_negation(self, node: Tree[Token], scope: Scope) -> Expression:
        return expressions.Not(self.scalar(node.children[1], scope))

    def read_between(self, node: Tree[Token], scope: Scope) -> Expression:
        tested, negated, *bounds = node.children
        value, low, high = self.scalars((tested, *bounds), scope)
        within = expressions.And((expressions.Comparison(">=", value, low), expressions.Comparison("<=", value, high)))
        return expressions.Not(within) if negated else within

    def read_within(self, node: Tree[Token], scope: Scope) -> Expression:
        tested, negated, *candidates = node.children
        value, among = self.scalar(tested, scope), self.scalars(candidates, scope)
        constants = frozenset(identity(one.value) for one in among if isinstance(one, Constant))
        others = tuple(one for one in among if not isinstance(one, Constant))
        within = expressions.Within(value, constants, others)
        return expressions.Not(within) if negated else within

    def read_like(self, node: Tree[Token], scope: Scope) -> Expression:
        tested, negated, pattern, escape = node.children
        character = None if escape is None else unquote(cast(Token, escape))
        if character is not None and len(character) != 1:
            raise QueryError(None, "The ESCAPE of LIKE is one character.", span(escape))
        like = expressions.Like(self.scalar(tested, scope), self.scalar(pattern, scope), character)
        return expressions.Not(like) if negated else like

    def read_compared(self, node: Tree[Token], scope: Scope) -> Expression:
        left, operator, right = node.children
        name = "!=" if operator == "<>" else str(operator)
        return expressions.Comparison(name, self.scalar(left, scope), self.scalar(right, scope))

    def read_arithmetic(self, node: Tree[Token], scope: Scope) -> Expression:
        left, operator, right = node.children
        return Call(operators.BINARY[str(operator)], self.scalars((left, right), scope))

    def read_signed(self, node: Tree[Token], scope: Scope) -> Expression:
        operator, operand = str(node.children[0]), self.scalar(node.children[1], scope)
        if isinstance(operand, Constant) and operator != "~":
            return Constant(operators.UNARY[operator](operand.value))
        return Call(operators.UNARY[operator], (operand,))

    def read_member(self, node: Tree[Token], scope: Scope) -> Expression:
        base, name = node.children
        return self._property(node, base, Constant(str(name)), scope)

    def read_element(self, node: Tree[Token], scope: Scope) -> Expression:
        base, key = node.children
        return self._property(node, base, self.scalar(key, scope), scope)

    def _property(self, node: Tree[Token], base: Any, key: Expression, scope: Scope) -> Expression:
        known = len(scope.ungrouped)
        member = Member(self.scalar(base, scope), key)
        if len(scope.ungrouped) > known:
            scope.ungrouped[known:] = [node]
        return member

    def read_reference(self, node: Tree[Token], scope: Scope) -> Expression:
        name = cast(Token, node.children[0])
        owner = scope.owner(name)
        if owner is None and name in _NOT_FINITE:
            return Constant(_NOT_FINITE[name])
        if owner is None:
            raise unresolved(name)
        if owner.selecting and owner.aggregating is None:
            owner.ungrouped.append(node)
        return Reference(str(name))

    def read_parameter(self, node: Tree[Token], _: Scope) -> Expression:
        return Constant(self.parameter(cast(Token, node.children[0])))

    def parameter(self, name: Token) -> Any:
        """Get the value that the request gives the parameter."""
        if str(name) not in self._parameters:
            raise unresolved(name)
        return self._parameters[str(name)]

    def read_string(self, node: Tree[Token], _: Scope) -> Expression:
        return Constant(unquote(cast(Token, node.children[0])))

    def read_number(self, node: Tree[Token], _: Scope) -> Expression:
        return Constant(number(cast(Token, node.children[0])))

    def read_array(self, node: Tree[Token], scope: Scope) -> Expression:
        return expressions.ArrayLiteral(self.scalars(node.children, scope))

    def read_object(self, node: Tree[Token], scope: Scope) -> Expression:
        pairs = (cast(list[Any], pair.children) for pair in node.children if isinstance(pair, Tree))
        return expressions.ObjectLiteral(tuple((name_of(name), self.scalar(value, scope)) for name, value in pairs))

    def read_scalar_subquery(self, node: Tree[Token], scope: Scope) -> Expression:
        return subqueries.Scalar(self._nested(node, scope))

    def read_exists(self, node: Tree[Token], scope: Scope) -> Expression:
        return subqueries.Exists(self._nested(node, scope))

    def read_array_subquery(self, node: Tree[Token], scope: Scope) -> Expression:
        return subqueries.AsArray(self._nested(node, scope))

    def read_aggregate_subquery(self, node: Tree[Token], scope: Scope) -> Expression:
        name, query = node.children
        match str(name).upper():
            case "FIRST":
                return subqueries.First(self._nested(node, scope))
            case "LAST":
                return subqueries.Last(self._nested(node, scope))
        raise QueryError("SC1001", "Syntax error, incorrect syntax near 'SELECT'.", span(query))

    def _nested(self, node: Tree[Token], scope: Scope) -> Query:
        if scope.aggregating is not None:
            raise _no_aggregate_of_aggregates(scope.aggregating)
        return self.subquery(cast(Tree[Token], node.children[-1]), scope)

    def read_user_defined(self, node: Tree[Token], _: Scope) -> Expression:
        name = str(node.children[0])
        raise QueryError(
            None, f"udf.{name} is a user-defined function, which the local cloud does not run.", span(node)
        )

    def read_call(self, node: Tree[Token], scope: Scope) -> Expression:
        name, arguments = cast(Token, node.children[0]), [child for child in node.children[1:] if child is not None]
        if name.upper() in aggregates.FUNCTIONS:
            return self._aggregate(node, arguments, scope)
        function = functions.FUNCTIONS.get(name.upper())
        if function is None:
            refusal = functions.refusal(name)
            if refusal is not None:
                raise QueryError(None, refusal, span(name))
            raise QueryError("SC2005", f"'{name[:100]}' is not a recognized built-in function name.", span(name))
        if not function.takes(len(arguments)):
            message = f"The {name.upper()} function requires {function.arity} argument(s)."
            raise QueryError("SC2050", message, span(node))
        if function.is_static:
            return Constant(function.compute())
        return Call(function.compute, self.scalars(arguments, scope))

    def _aggregate(self, node: Tree[Token], arguments: list[Any], scope: Scope) -> Expression:
        name = str(node.children[0]).upper()
        if len(arguments) != 1:
            raise QueryError("SC2050", f"The {name} function requires 1 argument(s).", span(node))
        if scope.aggregating is not None:
            raise _no_aggregate_of_aggregates(scope.aggregating)
        if not scope.selecting:
            raise QueryError(None, f"The aggregate {name} is known in the select list only.", span(node))
        scope.aggregating = node
        call = AggregateCall(name, self.scalar(arguments[0], scope), self.slice(arguments[0]))
        scope.aggregating = None
        scope.aggregates.append(call)
        return call


def unresolved(name: Token) -> QueryError:
    return QueryError("SC2001", f"Identifier '{name[:100]}' could not be resolved.", span(name))


def _no_aggregate_of_aggregates(node: Node) -> QueryError:
    message = "Cannot perform an aggregate function on an expression containing an aggregate or a subquery."
    return QueryError("SC2101", message, span(node))


def number(text: Token) -> int | float:
    """Read the number of a literal: a whole one of 64 bits as it is, any other as a double. Raises `QueryError`."""
    if text.type == "INTEGER" and len(text) <= 20:
        value = int(text, 16) if text[:2] in ("0x", "0X") else int(text)
        return value if value <= 2**63 else float(value)
    double = math.inf if text[:2] in ("0x", "0X") else float(text)
    if math.isinf(double):
        raise QueryError("SC1001", f"Syntax error, incorrect syntax near '{text[:100]}'.", span(text))
    return double


def name_of(token: Token) -> str:
    """Read a name as it is, or the text of a string."""
    return unquote(token) if token.type == "STRING" else str(token)


def unquote(text: Token) -> str:
    """Read a string literal's value; its escapes are JSON's, and those of both quotes."""
    inner = text[1:-1]
    if text[0] == "'":
        inner = inner.replace("\\\\", "\\u005c").replace('\\"', '"').replace('"', '\\"')
    else:
        inner = inner.replace("\\\\", "\\u005c")
    return cast(str, json.loads(f'"{inner}"'.replace("\\'", "'"), strict=False))
