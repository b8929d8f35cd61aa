"""Subqueries, inputs and groups: the examples of Azure's pages, and what they leave open."""

# ruff: noqa: E501 (a row of a table is one line)

from typing import Any

import pytest
from harness.cosmos import run
from localcloud.cosmos.errors import BadRequest

BOOTS: dict[str, Any] = {
    "id": "1",
    "name": "Blators Snowboard Boots",
    "price": 15,
    "colors": ["turquoise", "cobalt", "jam", "galliano", "violet"],
    "sizes": [{"key": "5", "description": "Small"}, {"key": "6", "description": "Large"}],
    "tags": [{"key": "fabric", "value": "leather"}, {"key": "volume", "value": "68-gal"}],
}
PACK: dict[str, Any] = {"id": "2", "name": "Cosmoxy Pack", "price": 30, "colors": ["jam"], "sizes": [], "tags": []}


# https://learn.microsoft.com/cosmos-db/query/subquery
@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("SELECT (SELECT VALUE 1) AS a, (SELECT VALUE 2) AS b", [{"a": 1, "b": 2}]),
        ("SELECT VALUE EXISTS (SELECT VALUE undefined)", [False]),
        ("SELECT VALUE EXISTS (SELECT undefined)", [True]),
        ("SELECT undefined", [{}]),
        ("SELECT VALUE undefined", []),
        ("SELECT (SELECT VALUE CONCAT('ID-', p.id)) AS internalId FROM products p", [{"internalId": "ID-1"}, {"internalId": "ID-2"}]),
        ("SELECT p.id, (SELECT p.name WHERE CONTAINS(p.name, 'Boots')).name FROM products p", [{"id": "1", "name": BOOTS["name"]}, {"id": "2"}]),
        ("SELECT VALUE (SELECT VALUE COUNT(1) FROM c IN p.colors WHERE c LIKE '%t') FROM products p", [2, 0]),
        ("SELECT VALUE (SELECT VALUE COUNT(1) FROM c IN p.colors WHERE c LIKE '%l%') FROM products p", [3, 0]),
        ("SELECT VALUE p.id FROM products p WHERE (SELECT VALUE COUNT(1) FROM c IN p.colors) >= 5", ["1"]),
        ("SELECT p.id, n FROM products p JOIN (SELECT VALUE COUNT(1) FROM c IN p.colors) AS n WHERE n < 5", [{"id": "2", "n": 1}]),
        ("SELECT VALUE {subtotal: p.price, total: t} FROM products p JOIN (SELECT VALUE p.price * 1.25) t WHERE t < 22.25", [{"subtotal": 15, "total": 18.75}]),
        ("SELECT VALUE p.id FROM products p WHERE EXISTS (SELECT VALUE c FROM c IN p.colors WHERE c = 'cobalt')", ["1"]),
        ("SELECT VALUE p.id FROM products p WHERE EXISTS(SELECT VALUE t FROM t IN p.tags WHERE t.key = 'fabric' AND t['value'] = 'leather')", ["1"]),
        ("SELECT p.id, EXISTS(SELECT VALUE t FROM t IN p.tags) AS tagged FROM p", [{"id": "1", "tagged": True}, {"id": "2", "tagged": False}]),
        ("SELECT VALUE ARRAY(SELECT VALUE s.key FROM s IN p.sizes WHERE STRINGTONUMBER(s.key) <= 5) FROM p", [["5"], []]),
        ("SELECT VALUE COUNT(1) FROM p JOIN (SELECT VALUE t FROM t IN p.tags WHERE t.key = 'fabric') JOIN (SELECT VALUE c FROM c in p.colors WHERE c LIKE '%t')", [2]),
        ("SELECT s.description AS size, m.length FROM products p JOIN s IN p.sizes JOIN m IN (SELECT VALUE [{size: '5', length: 63.5}, {size: '7', length: 66}]) WHERE s.key = m.size", [{"size": "Small", "length": 63.5}]),
        ("SELECT VALUE FIRST(SELECT VALUE c FROM c IN p.colors) FROM p", ["turquoise", "jam"]),
        ("SELECT VALUE LAST(SELECT VALUE c FROM c IN p.colors) FROM p", ["violet", "jam"]),
        ("SELECT VALUE ARRAY(SELECT DISTINCT VALUE LENGTH(c) FROM c IN p.colors) FROM p", [[9, 6, 3, 8], [3]]),
        ("SELECT VALUE ARRAY(SELECT LENGTH(c) AS n, COUNT(1) AS k FROM c IN p.colors GROUP BY LENGTH(c)) FROM p WHERE p.id = '2'", [[{"n": 3, "k": 1}]]),
        ("SELECT VALUE ARRAY(SELECT VALUE a || b FROM a IN p.colors JOIN b IN p.colors WHERE a < b) FROM p WHERE p.id = '2'", [[]]),
        ("SELECT VALUE (SELECT VALUE (SELECT VALUE p.id))FROM p", ["1", "2"]),
    ],
)  # fmt: skip
def test_subqueries(query: str, answer: list[Any]) -> None:
    """A subquery is a value, a condition, an array or an input, and knows the aliases around it."""
    assert run(query, BOOTS, PACK) == answer


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("SELECT VALUE s FROM products.sizes s", [BOOTS["sizes"], []]),
        ("SELECT VALUE s.key FROM s IN products.sizes", ["5", "6"]),
        ("SELECT * FROM products.sizes[0]", [BOOTS["sizes"][0]]),
        ("SELECT * FROM products['sizes'][1] AS second", [BOOTS["sizes"][1]]),
        ("SELECT VALUE sizes FROM products.sizes", [BOOTS["sizes"], []]),
        ("SELECT VALUE key FROM p JOIN p.sizes[0].key", ["5"]),
        ("SELECT VALUE {n: p.name, c: c} FROM p JOIN c IN p.colors WHERE c = 'jam'", [{"n": n, "c": "jam"} for n in (BOOTS["name"], PACK["name"])]),
        ("SELECT VALUE p.id FROM p JOIN t IN p.tags JOIN s IN p.sizes", ["1"] * 4),
        ("SELECT VALUE x.id FROM (SELECT p.id, p.price FROM p WHERE p.price > 20) x", ["2"]),
        ("SELECT VALUE COUNT(1) FROM (SELECT VALUE c FROM p JOIN c IN p.colors)", [6]),
        ("SELECT VALUE COUNT(1) FROM (SELECT DISTINCT VALUE c FROM p JOIN c IN p.colors)", [5]),
        ("SELECT VALUE MAX(g.n) FROM (SELECT COUNT(1) AS n FROM p JOIN c IN p.colors GROUP BY p.id) g", [5]),
        ("SELECT VALUE root.id FROM root", ["1", "2"]),
        ("SELECT 'Cosmic', 'Works', 1 AS one, 2", [{"$1": "Cosmic", "$2": "Works", "one": 1, "$3": 2}]),
    ],
)  # fmt: skip
def test_inputs(query: str, answer: list[Any]) -> None:
    """FROM reads items, their parts, the elements of arrays, and what a subquery makes of all items."""
    assert run(query, BOOTS, PACK) == answer


def test_a_scalar_subquery_has_one_value() -> None:
    """Several values are a 400, none is undefined."""
    assert run("SELECT VALUE {'first': (SELECT VALUE t FROM t IN p.tags)} FROM p", PACK) == [{}]
    with pytest.raises(BadRequest, match="cardinality of a scalar subquery result set cannot be greater than one"):
        run("SELECT VALUE (SELECT VALUE t FROM t IN p.tags) FROM p", BOOTS)


EMPLOYEES = [
    {"team": "a", "age": 30, "lang": "python"},
    {"team": "a", "age": 40},
    {"team": "b", "age": 50, "lang": "python"},
    {"team": "b", "age": "old", "lang": None},
]


# https://learn.microsoft.com/cosmos-db/query/group-by
@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("SELECT e.lang AS developmentLang FROM employees e GROUP BY e.lang", [{"developmentLang": "python"}, {}, {"developmentLang": None}]),
        ("SELECT VALUE e.team FROM e GROUP BY e.team", ["a", "b"]),
        ("SELECT e.team, COUNT(1) AS n, AVG(e.age) AS age FROM e GROUP BY e.team", [{"team": "a", "n": 2, "age": 35}, {"team": "b", "n": 2}]),
        ("SELECT UPPER(e.team) AS t, MAX(e.age) FROM e GROUP BY UPPER(e.team)", [{"t": "A", "$1": 40}, {"t": "B", "$1": "old"}]),
        ("SELECT CONCAT(e.team, '!') AS t FROM e GROUP BY e.team", [{"t": "a!"}, {"t": "b!"}]),
        ("SELECT VALUE {'team': e.team} FROM e GROUP BY {'team': e.team}", [{"team": "a"}, {"team": "b"}]),
        ("SELECT e.team, e.lang FROM e GROUP BY e.team, e.lang", [{"team": "a", "lang": "python"}, {"team": "a"}, {"team": "b", "lang": "python"}, {"team": "b", "lang": None}]),
        ("SELECT e.team, ABS(MIN(e.age) - 100) AS d FROM e WHERE IS_NUMBER(e.age) GROUP BY e.team", [{"team": "a", "d": 70}, {"team": "b", "d": 50}]),
        ("SELECT e.team FROM e GROUP BY e.team OFFSET 1 LIMIT 1", [{"team": "b"}]),
        ("SELECT TOP 1 e.team FROM e GROUP BY e.team", [{"team": "a"}]),
        ("SELECT COUNT(1) FROM e WHERE false", [{"$1": 0}]),
        ("SELECT e.team, COUNT(1) AS n FROM e WHERE false GROUP BY e.team", []),
        ("SELECT COUNT(1) AS n, SUM(e.age) AS s, 'all' AS label FROM e WHERE IS_NUMBER(e.age)", [{"n": 3, "s": 120, "label": "all"}]),
        ("SELECT VALUE {'low': MIN(e.age), 'high': MAX(e.age)} FROM e WHERE IS_NUMBER(e.age)", [{"low": 30, "high": 50}]),
        ("SELECT VALUE [COUNT(1), COUNT(e.lang)] FROM e", [[4, 3]]),
        ("SELECT VALUE COUNT(1) FROM e ORDER BY e.team", [4]),
        ("SELECT VALUE MAX(e.missing) FROM e", []),
        ("SELECT MAX(e.missing) AS m FROM e", [{}]),
        ("SELECT VALUE SUM(e.missing) FROM e", [0]),
    ],
)  # fmt: skip
def test_groups(query: str, answer: list[Any]) -> None:
    """Rows with the same keys become one; null, nothing and each type are keys of their own."""
    assert run(query, *EMPLOYEES) == answer
