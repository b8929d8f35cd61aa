"""Queries inside a query: as a value, in EXISTS, ARRAY, FIRST and LAST, and as an input.

https://learn.microsoft.com/cosmos-db/query/subquery
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from localcloud.cosmos.errors import BadRequest
from localcloud.cosmos.evaluation import results, rows
from localcloud.cosmos.expressions import Row
from localcloud.cosmos.query import Query
from localcloud.cosmos.values import UNDEFINED


@dataclass(frozen=True, slots=True)
class Nested:
    """A query as an input: `JOIN (SELECT VALUE …) alias`."""

    query: Query

    def values(self, row: Row) -> Iterator[Any]:
        return results(self.query, rows(self.query, row))


@dataclass(frozen=True, slots=True)
class Scalar:
    """The one value of a query, undefined if it has none. Raises `BadRequest` if it has several."""

    query: Query

    def evaluate(self, row: Row) -> Any:
        values = Nested(self.query).values(row)
        value = next(values, UNDEFINED)
        if next(values, UNDEFINED) is not UNDEFINED:
            raise BadRequest("The cardinality of a scalar subquery result set cannot be greater than one.")
        return value


@dataclass(frozen=True, slots=True)
class Exists:
    query: Query

    def evaluate(self, row: Row) -> bool:
        return next(Nested(self.query).values(row), UNDEFINED) is not UNDEFINED


@dataclass(frozen=True, slots=True)
class AsArray:
    query: Query

    def evaluate(self, row: Row) -> list[Any]:
        return list(Nested(self.query).values(row))


@dataclass(frozen=True, slots=True)
class First:
    query: Query

    def evaluate(self, row: Row) -> Any:
        return next(Nested(self.query).values(row), UNDEFINED)


@dataclass(frozen=True, slots=True)
class Last:
    query: Query

    def evaluate(self, row: Row) -> Any:
        last = deque(Nested(self.query).values(row), maxlen=1)
        return last[0] if last else UNDEFINED
