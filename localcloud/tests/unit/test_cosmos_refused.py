"""The queries that Azure refuses, beside those that differ from them in what makes the difference.

The messages, codes and places are those that Microsoft's tests record and public reports quote. Azure refuses the
queries without a code, too, but its words for them are not published.
"""

# ruff: noqa: E501, S608 (a row of a table is one line, and the queries are what is tested)

import json
from typing import Any

import pytest
from harness.cosmos import run
from localcloud.cosmos.errors import QueryError

RESERVED = [
    "ARRAY", "AND", "AS", "ASC", "BETWEEN", "BY", "CASE", "CAST", "CONVERT", "CROSS", "DESC", "DISTINCT", "ELSE", "END",
    "ESCAPE", "EXISTS", "FALSE", "FOR", "FROM", "GROUP", "HAVING", "IN", "INNER", "INSERT", "INTO", "IS", "JOIN", "LEFT",
    "LIKE", "LIMIT", "NOT", "NULL", "OFFSET", "ON", "OR", "ORDER", "OUTER", "OVER", "RIGHT", "SELECT", "SET", "THEN",
    "TOP", "TRUE", "UDF", "UNDEFINED", "UPDATE", "VALUE", "WHEN", "WHERE", "WITH",
]  # fmt: skip


def refusal(query: str, **parameters: Any) -> dict[str, Any]:
    """The error in Azure's form that a query is refused with."""
    with pytest.raises(QueryError) as refused:
        run(query, {"n": 1, "tags": ["a"]}, **parameters)
    assert refused.value.status == 400
    (error,) = json.loads(refused.value.message.removeprefix("Message: "))["errors"]
    assert error.pop("severity") == "Error"
    return error


@pytest.mark.parametrize("word", RESERVED)
def test_reserved_words_are_no_names(word: str) -> None:
    """A reserved word is a syntax error after a dot, as an alias and in FROM, in any case; a string names it."""
    for name in (word, word.lower(), word.capitalize()):
        for query in (
            f"SELECT c.{name} FROM c",
            f"SELECT c.n AS {name} FROM c",
            f"SELECT * FROM c WHERE c.{name} = 1",
            f"SELECT * FROM c ORDER BY c.{name}",
            f"SELECT * FROM {name}",
            f"SELECT VALUE {{{name}: 1}} FROM c",
            f"SELECT VALUE x FROM c JOIN {name} IN c.tags",
        ):
            assert refusal(query)["code"] in ("SC1001", "SC1002"), query
    query = f'SELECT c["{word}"], c.n AS "{word.lower()}" FROM c WHERE c["{word}"] = 1'
    assert run(query, {word: 1, "n": 2}) == [{word: 1, word.lower(): 2}]


@pytest.mark.parametrize(
    "name", ["rank", "let", "all", "first", "last", "root", "count", "abs", "orders", "values", "_in"]
)
def test_other_words_are_names(name: str) -> None:
    """What is no reserved word names properties, aliases and the container, functions' names among them."""
    query = f"SELECT {name}.{name} AS {name} FROM {name} ORDER BY {name}.{name}"
    assert run(query, {name: 2}, {name: 1}) == [{name: 1}, {name: 2}]


SYNTAX = [
    ("selectttt * FROM c", "SC1001", "Syntax error, incorrect syntax near 'selectttt'.", (0, 9)),
    ("SELECT c.order FROM c", "SC1001", "Syntax error, incorrect syntax near 'order'.", (9, 14)),
    ("SELECT c.id AS value FROM c", "SC1001", "Syntax error, incorrect syntax near 'value'.", (15, 20)),
    ("SELECT * FROM order", "SC1001", "Syntax error, incorrect syntax near 'order'.", (14, 19)),
    ("SELECT .c FROM c", "SC1001", "Syntax error, incorrect syntax near '.'.", (7, 8)),
    ("SELECT TOP -1 c.name FROM c", "SC1001", "Syntax error, incorrect syntax near '-'.", (11, 12)),
    ("SELECT c.name FROM c OFFSET -1 LIMIT 10", "SC1001", "Syntax error, incorrect syntax near '-'.", (28, 29)),
    ("SELECT c.name FROM c OFFSET 10 LIMIT -1", "SC1001", "Syntax error, incorrect syntax near '-'.", (37, 38)),
    ("SELECT c.name FROM c OFFSET 1.5 LIMIT 1", "SC1001", "Syntax error, incorrect syntax near '1.5'.", (28, 31)),
    ("SELECT * FROM c WHERE", "SC1002", "Syntax error, unexpected end-of-file.", (21, 21)),
    ("", "SC1002", "Syntax error, unexpected end-of-file.", (0, 0)),
    ("SELECT * FROM c;", "SC1010", "Syntax error, invalid token ';'.", (15, 16)),
    ("SELECT VALUE 1 # 2", "SC1010", "Syntax error, invalid token '#'.", (15, 16)),
    ('SELECT * FROM c WHERE c.n = "open', "SC1012", "Syntax error, invalid string literal token '\"'.", (28, 29)),
    (r"SELECT VALUE '\q'", "SC1012", "Syntax error, invalid string literal token '''.", (13, 14)),
    ("SELECT VALUE 12ab", "SC1001", "Syntax error, incorrect syntax near '12ab'.", (13, 17)),
    ("SELECT VALUE 0x", "SC1001", "Syntax error, incorrect syntax near '0x'.", (13, 15)),
    ("SELECT VALUE 1.2.3", "SC1001", "Syntax error, incorrect syntax near '1.2.3'.", (13, 18)),
    ("SELECT c.n BETWEEN 1 AND 2 AND true FROM c", "SC1001", "Syntax error, incorrect syntax near 'AND'.", (27, 30)),
    ("SELECT true AND c.n BETWEEN 1 AND 2 FROM c", "SC1001", "Syntax error, incorrect syntax near 'BETWEEN'.", (20, 27)),
    ("SELECT VALUE * FROM c", "SC1001", "Syntax error, incorrect syntax near '*'.", (13, 14)),
    ("SELECT *, c.n FROM c", "SC1001", "Syntax error, incorrect syntax near ','.", (8, 9)),
    ("SELECT VALUE c.n AS x FROM c", "SC1001", "Syntax error, incorrect syntax near 'AS'.", (17, 19)),
    ("SELECT * FROM c WHERE c.n IN ()", "SC1001", "Syntax error, incorrect syntax near ')'.", (30, 31)),
    ("SELECT * FROM c WHERE c.n == 1", "SC1001", "Syntax error, incorrect syntax near '='.", (27, 28)),
    ("SELECT * FROM c WHERE c.n IS NULL", "SC1001", "Syntax error, incorrect syntax near 'IS'.", (26, 28)),
    ("SELECT c.n FROM c GROUP BY c.n HAVING c.n > 1", "SC1001", "Syntax error, incorrect syntax near 'HAVING'.", (31, 37)),
    ("SELECT * FROM c JOIN d ON c.n", "SC1001", "Syntax error, incorrect syntax near 'ON'.", (23, 25)),
    ("SELECT VALUE CAST(1) FROM c", "SC1001", "Syntax error, incorrect syntax near 'CAST'.", (13, 17)),
    ("SELECT * FROM c OFFSET 1", "SC1002", "Syntax error, unexpected end-of-file.", (24, 24)),
    ("SELECT * FROM c LIMIT 1", "SC1001", "Syntax error, incorrect syntax near 'LIMIT'.", (16, 21)),
    ("SELECT * FROM c WHERE c.n LIKE 'a' ESCAPE c.n", "SC1001", "Syntax error, incorrect syntax near 'c'.", (42, 43)),
    ("SELECT * FROM c WHERE c.n = 1 AND", "SC1002", "Syntax error, unexpected end-of-file.", (33, 33)),
]  # fmt: skip
NAMES = [
    ("SELECT * FROM c WHERE x.n = 1", "SC2001", "Identifier 'x' could not be resolved.", (22, 23)),
    ("SELECT * FROM Root r WHERE a = 1", "SC2001", "Identifier 'a' could not be resolved.", (27, 28)),
    ("SELECT * FROM orders c WHERE orders.n = 1", "SC2001", "Identifier 'orders' could not be resolved.", (29, 35)),
    ("SELECT c.n", "SC2001", "Identifier 'c' could not be resolved.", (7, 8)),
    ("SELECT * FROM c WHERE c.n = @missing", "SC2001", "Identifier '@missing' could not be resolved.", (28, 36)),
    ("SELECT VALUE t FROM c JOIN t IN d.tags", "SC2001", "Identifier 'd' could not be resolved.", (32, 33)),
    ("SELECT VALUE EXISTS(SELECT 1 FROM root c)", "SC2001", "Identifier 'root' could not be resolved.", (34, 38)),
    ("SELECT VALUE (SELECT VALUE t FROM t IN c.tags), t FROM c", "SC1001", "Syntax error, incorrect syntax near ','.", (46, 47)),
    ("SELECT (SELECT VALUE t FROM t IN c.tags), t FROM c", "SC2001", "Identifier 't' could not be resolved.", (42, 43)),
    ("SELECT VALUE c FROM c JOIN c IN c.tags", "SC2011", "The input alias 'c' is specified more than once in the FROM clause.", (27, 38)),
]  # fmt: skip
MEANINGS = [
    ("SELECT BADFUNC(r.age) FROM Root r", "SC2005", "'BADFUNC' is not a recognized built-in function name.", (7, 14)),
    ("SELECT * FROM Root r WHERE UPPER(r.key, 'a', 'b')", "SC2050", "The UPPER function requires 1 argument(s).", (27, 49)),
    ("SELECT VALUE LOWER()", "SC2050", "The LOWER function requires 1 argument(s).", (13, 20)),
    ("SELECT VALUE COUNT() FROM c", "SC2050", "The COUNT function requires 1 argument(s).", (13, 20)),
    ("SELECT *", "SC2040", "'SELECT *' is only valid with a single input set.", (7, 8)),
    ("SELECT * FROM c JOIN t IN c.tags", "SC2040", "'SELECT *' is only valid with a single input set.", (7, 8)),
    ("SELECT * FROM c GROUP BY c.a", "SC2041", "'SELECT *' is not allowed with GROUP BY.", (7, 8)),
    ("SELECT TOP 1.5 * FROM c", "SC2060", "The count value provided for a TOP clause must be an integer.", (11, 14)),
    ("SELECT TOP 4294967296 c.n FROM c", "SC2060", "The count value provided for a TOP clause must be an integer.", (11, 21)),
    ("SELECT TOP @text c.n FROM c", "SC2060", "The count value provided for a TOP clause must be an integer.", (11, 16)),
    ("SELECT c.n FROM c OFFSET 4294967296 LIMIT 10", "SC2062", "The OFFSET count value exceeds the maximum allowed value.", (25, 35)),
    ("SELECT c.n, COUNT(1) FROM c", "SC2102", "Property reference 'c.n' is invalid in the select list because it is not contained in either an aggregate function or the GROUP BY clause.", (7, 10)),
    ("SELECT c.a.b[0] FROM c GROUP BY c.n", "SC2102", "Property reference 'c.a.b[0]' is invalid in the select list because it is not contained in either an aggregate function or the GROUP BY clause.", (7, 15)),
    ("SELECT VALUE MAX(MIN(c.n)) FROM c", "SC2101", "Cannot perform an aggregate function on an expression containing an aggregate or a subquery.", (13, 26)),
    ("SELECT VALUE SUM((SELECT VALUE 1)) FROM c", "SC2101", "Cannot perform an aggregate function on an expression containing an aggregate or a subquery.", (13, 34)),
    ("SELECT * FROM c WHERE STARTSWITH(c.id, 'a', 'b', 'c')", "SC2050", "The STARTSWITH function requires 2 to 3 argument(s).", (22, 53)),
    ("SELECT c.n FROM c GROUP BY c.n ORDER BY c.n", None, "'ORDER BY' is not supported in presence of GROUP BY.", (31, 43)),
    ("SELECT ARRAY(SELECT VALUE t FROM t IN c.tags ORDER BY t) FROM c", None, "'ORDER BY' is not supported in subqueries.", (45, 55)),
]  # fmt: skip


@pytest.mark.parametrize(("query", "code", "message", "place"), SYNTAX + NAMES + MEANINGS)
def test_refusals_are_azures(query: str, code: str | None, message: str, place: tuple[int, int]) -> None:
    """A query that Azure refuses is a 400 with its code, its message and the place in the text."""
    error = {"location": {"start": place[0], "end": place[1]}, "message": message}
    assert refusal(query, text="one") == error | ({"code": code} if code else {})


@pytest.mark.parametrize(
    "key",
    ["LENGTH(c.name)", "c.name || c.pk", "-c.n", "c.n + 1", "@o", "1", "'name'", "c", "c[@o]", "NOT c.n", "(SELECT VALUE 1)",
     "{'a': 1}.a", "c.n ?? 1", "true ? c.n : 1", "c[c.name]"],
)  # fmt: skip
def test_a_sort_key_is_a_path(key: str) -> None:
    """ORDER BY of what is no path of a document is refused, beside one that is, too."""
    for query in (f"SELECT * FROM c ORDER BY {key}", f"SELECT * FROM c ORDER BY c.id, {key} DESC"):
        assert refusal(query, o="name") == {
            "code": 2206,
            "message": "Unsupported ORDER BY clause. ORDER BY item expression could not be mapped to a document path.",
        }


def test_elements_of_a_join_are_no_sort_keys() -> None:
    """What an array was joined for can't be sorted by; the document beside it can."""
    message = "Order-by over correlated collections is not supported."
    assert refusal("SELECT VALUE t FROM c JOIN t IN c.tags ORDER BY t.x")["message"] == message
    assert run("SELECT VALUE t FROM c JOIN t IN c.tags ORDER BY c.n", {"n": 2, "tags": [1]}, {"n": 1, "tags": [2]}) == [
        2,
        1,
    ]


@pytest.mark.parametrize("key", ["c.n", "c.a.b", 'c["n"]', "c.tags[0]", 'c["a"]["b"]', "(c.n)", "s.b"])
def test_paths_are_sort_keys(key: str) -> None:
    """A property, an element and an alias of a part of the document are paths."""
    documents = [{"n": n, "a": {"b": n}, "tags": [n]} for n in (2, 1)]
    assert run(f"SELECT VALUE c.n FROM c JOIN c.a s ORDER BY {key}", *documents) == [1, 2]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT VALUE ST_DISTANCE(c.a, c.b) FROM c", "spatial"),
        ("SELECT VALUE st_isvalid(c.a) FROM c", "spatial"),
        ("SELECT * FROM c WHERE FullTextContains(c.text, 'x')", "full-text"),
        ("SELECT VALUE VectorDistance(c.a, c.b) FROM c", "vector"),
        ("SELECT TOP 1 * FROM c ORDER BY RANK FullTextScore(c.text, 'x')", "full-text"),
        ("SELECT VALUE udf.tax(c.n) FROM c", "user-defined"),
        ("SELECT VALUE (SELECT TOP 1 VALUE t FROM t IN c.tags) FROM c", "'TOP' is not supported in subqueries"),
        ("SELECT VALUE ARRAY(SELECT VALUE t FROM t IN c.tags OFFSET 0 LIMIT 1) FROM c", "OFFSET LIMIT"),
        ("SELECT TOP 1 * FROM c OFFSET 0 LIMIT 1", "can't be used together"),
        ("SELECT * FROM c WHERE COUNT(1) > 1", "in the select list only"),
        ("SELECT * FROM c WHERE c.n LIKE 'a' ESCAPE 'ab'", "one character"),
        ("SELECT VALUE 1 FROM c" + " JOIN (SELECT VALUE 1)" * 11, "The allowed limit is 10"),
        (f"SELECT VALUE '{'x' * 600_000}'", "maximum limit of 524288 bytes"),
        (f"SELECT VALUE {'(' * 20_000}1", "unexpected end-of-file"),
        (f"SELECT VALUE {'NOT ' * 5_000}true", "nested too deeply"),
        (f"SELECT VALUE {'[' * 5_000}{']' * 5_000}", "nested too deeply"),
        (f"SELECT VALUE {'1' * 400}", "incorrect syntax near"),
        (f"SELECT VALUE 0x{'F' * 400}", "incorrect syntax near"),
    ],
)
def test_other_refusals_say_why(query: str, reason: str) -> None:
    """What the local cloud does not have, and what is beyond a limit, is refused in words."""
    assert reason in refusal(query)["message"]
