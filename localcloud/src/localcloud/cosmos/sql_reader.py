"""Turns the tree of a query's text into a `Query`: its clauses, and which names each knows."""

from dataclasses import replace
from typing import Any, cast

from lark import Token, Tree

from localcloud.cosmos.errors import QueryError
from localcloud.cosmos.expressions import ROOT, Constant, Expression, Member, Reference
from localcloud.cosmos.query import Clauses, Collection, Column, GroupKey, Input, Path, Query, Selection, SortKey
from localcloud.cosmos.scopes import Scope, span
from localcloud.cosmos.sql_scalars import ScalarReader, name_of, number, unresolved
from localcloud.cosmos.subqueries import Nested
from localcloud.cosmos.values import is_number

MOST_JOINS = 10  # https://learn.microsoft.com/azure/cosmos-db/concepts-limits#sql-query-limits
_LARGEST_COUNT = 2**32 - 1

_Node = Any  # a tree, a token, or None for a clause that the query does not have


class QueryReader(ScalarReader):
    """Reads one query with its parameters. Raises `QueryError`."""

    def read(self, tree: Tree[Token]) -> Query:
        """Read the whole query."""
        return self._query(tree, Scope())

    def subquery(self, node: Tree[Token], scope: Scope) -> Query:
        """Read a query inside that of the scope."""
        return self._inner(node, Scope(scope))

    def _inner(self, node: Tree[Token], scope: Scope) -> Query:
        _, top, _, _, _, _, order_by, window = node.children
        for clause, name in ((top, "TOP"), (order_by, "ORDER BY"), (window, "OFFSET LIMIT")):
            if clause is not None:
                raise QueryError(None, f"'{name}' is not supported in subqueries.", span(clause))
        return self._query(node, scope)

    def _query(self, tree: Tree[Token], scope: Scope) -> Query:
        distinct, top, selection, source, where, group_by, order_by, window = cast(list[_Node], tree.children)
        inputs = self._from(source, scope) if source else ()
        condition = self.scalar(where.children[0], scope) if where else None
        keys = (
            tuple(GroupKey(self.scalar(key, scope), self.slice(key)) for key in group_by.children) if group_by else ()
        )
        scope.group_keys = {repr(key.expression) for key in keys}
        query = Query(
            self._selection(selection, scope, inputs, bool(keys)),
            inputs,
            distinct is not None,
            condition,
            keys,
            self._order_by(order_by, scope, bool(keys)) if order_by else (),
            clauses=Clauses(
                self.slice(selection),
                self.slice(source)[len("FROM") :].lstrip() if source else "",
                self.slice(where.children[0]) if where else "",
            ),
        )
        return self._windowed(query, top, window)

    def _from(self, node: _Node, scope: Scope) -> tuple[Input, ...]:
        if len(node.children) - 1 > MOST_JOINS:
            message = f"The SQL query exceeded the maximum number of joins. The allowed limit is {MOST_JOINS}."
            raise QueryError(None, message, span(node))
        inputs: list[Input] = []
        for child in node.children:
            inputs.append(self._input(child, scope, len(inputs)))
        return tuple(inputs)

    def _input(self, node: _Node, scope: Scope, place: int) -> Input:
        iterates = node.data == "iterated"
        alias, collection = node.children if iterates else reversed(node.children)
        values, inferred = self._collection(collection, scope, is_first=place == 0)
        name = str(alias or inferred or f"({place + 1})")
        if name in scope.aliases:
            message = f"The input alias '{name}' is specified more than once in the FROM clause."
            raise QueryError("SC2011", message, span(node))
        scope.aliases[name] = not iterates and isinstance(values, Path) and _is_in_document(values.expression, scope)
        return Input(name, values, iterates)

    def _collection(self, node: _Node, scope: Scope, is_first: bool) -> tuple[Collection, str | None]:
        """Read the values of a source, and the alias that it has if none is written.

        The first name in the whole query's FROM is the container's, whatever it is.
        """
        if node.data == "subquery_collection":
            query = node.children[0]
            return Nested(self._inner(query, Scope() if is_first and scope.outer is None else Scope(scope))), None
        name, *steps = node.children
        is_container = is_first and scope.outer is None
        if not is_container and scope.owner(name) is None:
            raise unresolved(name)
        expression: Expression = Reference(ROOT if is_container else str(name))
        alias: str | None = str(name)
        for step in steps:
            key = step.children[0]
            expression = Member(expression, Constant(number(key) if key.type == "INTEGER" else name_of(key)))
            alias = str(key) if key.type == "NAME" else None
        return Path(expression), alias

    def _selection(self, node: _Node, scope: Scope, inputs: tuple[Input, ...], is_grouped: bool) -> Selection:
        if node.data == "everything":
            if is_grouped:
                raise QueryError("SC2041", "'SELECT *' is not allowed with GROUP BY.", span(node))
            if len(inputs) != 1:
                raise QueryError("SC2040", "'SELECT *' is only valid with a single input set.", span(node))
            return Selection()
        scope.selecting = True
        if node.data == "value":
            selection = Selection((self._column(node.children[0], None, scope, 1),), is_value=True)
        else:
            columns: list[Column] = []
            unnamed = 1
            for column in node.children:
                scalar, alias = column.children
                columns.append(self._column(scalar, alias, scope, unnamed))
                unnamed += columns[-1].name == f"${unnamed}"
            selection = Selection(tuple(columns))
        scope.selecting = False
        if (is_grouped or scope.aggregates) and scope.ungrouped:
            reference = scope.ungrouped[0]
            message = (
                f"Property reference '{self.slice(reference)[:100]}' is invalid in the select list because it is not "
                "contained in either an aggregate function or the GROUP BY clause."
            )
            raise QueryError("SC2102", message, span(reference))
        return selection

    def _column(self, node: _Node, alias: Token | None, scope: Scope, unnamed: int) -> Column:
        known = len(scope.aggregates)
        expression = self.scalar(node, scope)
        name = name_of(alias) if alias is not None else _name_of(expression) or f"${unnamed}"
        return Column(name, expression, self.slice(node), tuple(scope.aggregates[known:]))

    def _order_by(self, node: _Node, scope: Scope, is_grouped: bool) -> tuple[SortKey, ...]:
        if node.data == "order_by_rank":
            raise QueryError(
                None, "ORDER BY RANK sorts by full-text and vector scores, which the local cloud does not have."
            )
        if is_grouped:
            raise QueryError(None, "'ORDER BY' is not supported in presence of GROUP BY.", span(node))
        return tuple(self._sort_key(*key.children, scope=scope) for key in node.children)

    def _sort_key(self, node: _Node, descending: Token | None = None, *, scope: Scope) -> SortKey:
        expression = self.scalar(node, scope)
        place: Expression = expression
        while isinstance(place, Member) and isinstance(place.key, Constant) and _is_literal_path(node):
            place = place.base
        if not isinstance(place, Reference) or place is expression:
            raise QueryError(
                2206,
                "Unsupported ORDER BY clause. ORDER BY item expression could not be mapped to a document path.",
            )
        if not scope.aliases[place.name]:
            raise QueryError(None, "Order-by over correlated collections is not supported.", span(node))
        return SortKey(expression, descending is not None, self.slice(node))

    def _windowed(self, query: Query, top: _Node, window: _Node) -> Query:
        if top is not None and window is not None:
            raise QueryError(None, "'TOP' can't be used together with 'OFFSET LIMIT'.", span(window))
        if top is not None:
            message = "The count value provided for a TOP clause must be an integer."
            return replace(query, limit=self._count(top.children[0], "SC2060", message))
        if window is None:
            return query
        offset, limit = (
            self._count(count, "SC2062", f"The {name} count value exceeds the maximum allowed value.")
            for name, count in zip(("OFFSET", "LIMIT"), window.children, strict=True)
        )
        return replace(query, offset=offset, limit=limit)

    def _count(self, token: Token, code: str, message: str) -> int:
        value = self.parameter(token) if token.type == "PARAMETER" else number(token)
        if not is_number(value) or not 0 <= value <= _LARGEST_COUNT or value != int(value):  # infinity has no int
            raise QueryError(code, message, span(token))
        return int(value)


def _is_in_document(expression: Expression, scope: Scope) -> bool:
    """Whether a path begins at the document, directly or by an alias that does."""
    while isinstance(expression, Member):
        expression = expression.base
    return isinstance(expression, Reference) and (expression.name == ROOT or scope.aliases.get(expression.name, False))


def _is_literal_path(node: _Node) -> bool:
    """Whether no step of a path is a parameter."""
    return not any(True for _ in node.find_data("parameter"))


def _name_of(expression: Expression) -> str | None:
    """Name a column without an alias: by its last step."""
    if isinstance(expression, Reference):
        return expression.name
    if isinstance(expression, Member) and isinstance(expression.key, Constant):
        return expression.key.value if isinstance(expression.key.value, str) else None
    return None
