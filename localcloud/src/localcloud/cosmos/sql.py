"""Reads a query's text by the grammar in `sql.lark`."""

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from localcloud.cosmos.errors import QueryError
from localcloud.cosmos.query import Query
from localcloud.cosmos.sql_reader import QueryReader

LONGEST = 512 * 1024  # bytes, https://learn.microsoft.com/azure/cosmos-db/concepts-limits#sql-query-limits
_LONGEST_REMEMBERED = 4096  # characters of a query whose tree is kept for the next page

_GRAMMAR = Lark(
    files("localcloud.cosmos").joinpath("sql.lark").read_text(),
    start="query",
    parser="lalr",
    lexer="basic",  # so that a reserved word is one everywhere, also if a name is expected
    maybe_placeholders=True,
    propagate_positions=True,
)


def parse(text: str, parameters: Mapping[str, Any]) -> Query:
    """Read the query.

    Raises `QueryError`, which is a 400, for everything that Cosmos DB's SQL or this grammar refuses.
    """
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST:
        raise QueryError("SC3001", f"The SQL query text exceeded the maximum limit of {LONGEST} bytes.")
    try:
        tree = _remembered(text) if len(text) <= _LONGEST_REMEMBERED else _tree(text)
        return QueryReader(text, parameters).read(tree)
    except RecursionError as error:
        raise QueryError(None, "The query is nested too deeply.") from error


def _tree(text: str) -> Tree[Token]:
    try:
        return _GRAMMAR.parse(text)
    except UnexpectedInput as error:
        raise _syntax_error(text, error) from error


_remembered = lru_cache(maxsize=32)(_tree)


def _syntax_error(text: str, error: UnexpectedInput) -> QueryError:
    if isinstance(error, UnexpectedToken) and error.token.type != "$END":
        start = error.token.start_pos or 0
        return _near(str(error.token), start)
    if not isinstance(error, UnexpectedCharacters):
        return QueryError("SC1002", "Syntax error, unexpected end-of-file.", (len(text), len(text)))
    start = error.pos_in_stream or 0
    word = re.compile(r"[\w.]+").match(text, start)
    if word is not None:
        return _near(word[0], start)
    character = text[start]
    kind, code = ("string literal token", "SC1012") if character in "\"'" else ("token", "SC1010")
    return QueryError(code, f"Syntax error, invalid {kind} '{character}'.", (start, start + 1))


def _near(text: str, start: int) -> QueryError:
    return QueryError("SC1001", f"Syntax error, incorrect syntax near '{text[:100]}'.", (start, start + len(text)))
