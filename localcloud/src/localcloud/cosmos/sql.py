"""Reads a query's text by the grammar in `sql.lark`."""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, cast

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedEOF, UnexpectedInput, UnexpectedToken, VisitError

from localcloud.cosmos.errors import QueryError
from localcloud.cosmos.query import Query
from localcloud.cosmos.sql_reader import Reader

LONGEST = 256 * 1024  # characters of a query, as the account document says

_GRAMMAR = Lark(
    files("localcloud.cosmos").joinpath("sql.lark").read_text(),
    start="query",
    parser="lalr",
    maybe_placeholders=True,
    propagate_positions=True,
)


def parse(text: str, parameters: Mapping[str, Any]) -> Query:
    """The query; raises `QueryError`, which is a 400, for everything that Cosmos DB's SQL or this grammar refuses."""
    try:
        return cast(Query, Reader(parameters).transform(_tree(text)))
    except VisitError as error:
        if isinstance(error.orig_exc, QueryError):
            raise error.orig_exc from error
        if isinstance(error.orig_exc, RecursionError | ValueError):
            raise QueryError("SC1001", "Syntax error, the query holds a value that can't be read.") from error
        raise
    except RecursionError as error:
        raise QueryError("SC3030", "The query is nested too deeply.") from error


@lru_cache(maxsize=32)
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
