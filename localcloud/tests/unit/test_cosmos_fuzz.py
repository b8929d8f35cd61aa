"""Any text is a query that is answered or refused, and any value is one that each function answers or refuses."""
# ruff: noqa: S608 (the queries are what is tested)

from contextlib import suppress
from typing import Any

import pytest
from harness.cosmos import run
from hypothesis import example, given, settings
from hypothesis import strategies as st
from localcloud.cosmos import deadline
from localcloud.cosmos.aggregates import FUNCTIONS as AGGREGATES
from localcloud.cosmos.errors import BadRequest, QueryError
from localcloud.cosmos.execution import predicate
from localcloud.cosmos.functions import FUNCTIONS
from localcloud.cosmos.plan import query_plan
from localcloud.cosmos.sql import parse

DOCUMENTS: list[Any] = [
    {"id": "1", "n": 1, "s": "a%b", "tags": ["x", 1, None, {"k": [True]}], "o": {"p": {"q": "2024-02-29T01:02:03Z"}}},
    {"id": "2", "n": -2.5, "s": "", "tags": [], "o": None, "_rid": "AAAAAAAAAAABAAAAAAAAAA=="},
    {"id": "3", "n": 2**63, "tags": "no list"},
]
VOCABULARY = """
    SELECT VALUE TOP DISTINCT FROM WHERE ORDER BY GROUP OFFSET LIMIT AND OR NOT IN BETWEEN JOIN AS LIKE ESCAPE EXISTS
    ARRAY ASC DESC RANK UDF CASE HAVING COUNT( SUM( LOWER( ABS( FIRST( c c.n c.tags c['s'] c[0] t @p . [ ] ( ) { } , : ?
    ?? * + - ~ / % || | & ^ << >>> = != <> <= > ! ; # \\ 1 -2.5 .5 1. 1e5 1e400 0x1F 0x 99999999999999999999 'text' "t"
    '\\u0041' 'open " true null undefined NaN -- /* */ é 日
"""
TOKENS = st.sampled_from(VOCABULARY.split())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def ask(query: str, **parameters: Any) -> None:
    """Run the query, and plan it. Each gives an answer or a 400, and no other error."""
    with suppress(BadRequest):
        run(query, *DOCUMENTS, **parameters)
    with suppress(BadRequest):
        query_plan(parse(query, {f"@{name}": value for name, value in parameters.items()}))


@settings(max_examples=100, deadline=None)
@given(tokens=st.lists(TOKENS, max_size=25), p=JSON)
def test_no_words_break_the_reader(tokens: list[str], p: Any) -> None:
    """Words of the language in any order, alone and in each clause."""
    text = " ".join(tokens)
    for query in (
        text,
        f"SELECT VALUE {text}",
        f"SELECT VALUE {text} FROM c JOIN t IN c.tags",
        f"SELECT c.id FROM c WHERE {text}",
        f"SELECT * FROM c ORDER BY {text}",
        f"SELECT c.n FROM c GROUP BY {text}",
        f"SELECT * FROM {text}",
    ):
        ask(query, p=p)


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=40))
@example("SELECT VALUE '\ud800'")
@example("\\F")
@example("\\U0041")
def test_no_text_breaks_the_reader(text: str) -> None:
    """Characters of any kind, as a query and as a string in one."""
    ask(text)
    ask(f"SELECT VALUE '{text}'")
    ask("SELECT VALUE c.s LIKE @p ESCAPE '!' OR REGEXMATCH(c.s, @p, 'ix') FROM c", p=text)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@settings(max_examples=30, deadline=None)
@given(arguments=st.lists(JSON, max_size=4))
def test_no_argument_breaks_a_function(name: str, arguments: list[Any]) -> None:
    """A function answers or refuses any arguments, as many as it takes."""
    least, most = FUNCTIONS[name].least, FUNCTIONS[name].most
    given = {f"a{n}": value for n, value in enumerate((arguments + [None] * least)[: most or 4])}
    ask(f"SELECT VALUE {name}({', '.join(f'@{parameter}' for parameter in given)})", **given)


@pytest.mark.parametrize("name", sorted(AGGREGATES))
@settings(max_examples=30, deadline=None)
@given(values=st.lists(JSON, max_size=4))
def test_no_value_breaks_an_aggregate(name: str, values: list[Any]) -> None:
    """An aggregate answers any values."""
    ask(f"SELECT VALUE {name}(v) FROM v IN (SELECT VALUE @values)", values=values)


OPERATORS = ["+", "-", "*", "/", "%", "||", "&", "|", "^", "<<", ">>", ">>>", "=", "!=", "<", ">=", "??", "AND", "OR"]


@settings(max_examples=150, deadline=None)
@given(left=JSON, right=JSON, operator=st.sampled_from(OPERATORS))
def test_no_operand_breaks_an_operator(left: Any, right: Any, operator: str) -> None:
    """An operator answers any operands, and so do the forms that compare."""
    ask(f"SELECT VALUE [@l {operator} @r, -@l, +@l, ~@l, NOT @l, @l[@r]]", l=left, r=right)
    ask(
        "SELECT VALUE [@l IN (@r, 1), @l BETWEEN @r AND 2, @l LIKE @r, @l ? @r : 1, {'a': @l} = {'a': @r}]",
        l=left,
        r=right,
    )
    ask("SELECT DISTINCT VALUE @l FROM c ORDER BY c.n OFFSET @l LIMIT @r", l=left, r=right)


@pytest.mark.parametrize(
    "query",
    [
        "(" * 5_000,
        "SELECT VALUE " + "(" * 5_000 + "1" + ")" * 5_000,
        "SELECT VALUE " + "[" * 5_000 + "]" * 5_000,
        "SELECT VALUE " + "{a:" * 2_000 + "1" + "}" * 2_000,
        "SELECT VALUE " + "-" + "~" * 5_000 + "1",
        "SELECT VALUE " + "NOT " * 3_000 + "true",
        "SELECT VALUE 1" + "+1" * 5_000,
        "SELECT VALUE c" + ".a" * 5_000 + " FROM c",
        "SELECT VALUE c" + "[0]" * 5_000 + " FROM c",
        "SELECT VALUE " + "1 ? " * 2_000 + "1" + " : 1" * 2_000,
        "SELECT VALUE " + "1 ?? " * 3_000 + "1",
        "SELECT VALUE " + "ABS(" * 2_000 + "1" + ")" * 2_000,
        "SELECT VALUE " + "(SELECT VALUE " * 1_000 + "1" + ")" * 1_000,
        "SELECT VALUE EXISTS" * 5_000,
        "SELECT * FROM " + "(SELECT * FROM " * 1_000 + "c" + ")" * 1_000,
        "SELECT VALUE '" + "\\u0041" * 5_000 + "'",
        "SELECT VALUE '" + "\\" * 100_001,
        "SELECT VALUE " + "9" * 100_000,
        "SELECT VALUE 0x" + "F" * 100_000,
        "SELECT VALUE 1." + "9" * 100_000,
        "SELECT VALUE 1e" + "9" * 100_000,
        "SELECT VALUE " + "a" * 100_000,
        "/*" * 50_000,
        "--" * 50_000,
        " " * 100_000,
        "SELECT VALUE c.s LIKE '" + "%_" * 2_000 + "' FROM c",
        "SELECT VALUE c.s LIKE '" + "[a" * 2_000 + "' FROM c",
        "SELECT " + ",".join(["1"] * 2_000),
        "SELECT VALUE 1 FROM c" + " JOIN t IN c.tags" * 5_000,
        "SELECT VALUE 1 FROM c WHERE c.n IN (" + ",".join(["1"] * 20_000) + ")",
        "SELECT VALUE 1 FROM c WHERE " + " OR ".join(["c.n = 1"] * 1_000),
    ],
    ids=lambda query: query[:30].strip() or "blanks",
)  # fmt: skip
def test_no_size_breaks_the_reader(query: str) -> None:
    """A query that is long, or nested deeply, is answered or refused."""
    ask(query)


def test_a_list_of_any_length_is_compared_with() -> None:
    """IN takes as many constants as the text has room for, beside what is none."""
    numbers = ", ".join(map(str, range(1, 20_001)))
    assert run(f"SELECT VALUE c.id FROM c WHERE c.n IN ({numbers})", *DOCUMENTS) == ["1"]
    assert run(f"SELECT VALUE c.id FROM c WHERE c.n NOT IN ({numbers}, c.missing, -2.5)", *DOCUMENTS) == ["3"]


@pytest.mark.parametrize(
    "expression",
    [
        "REPLACE(REPLICATE('a', 10000), 'a', REPLICATE('b', 10000))",
        "STRINGJOIN(STRINGSPLIT(REPLICATE('a,', 5000), ','), REPLICATE('b', 10000))",
        "TOSTRING([" * 40 + "'\"'" + "])" * 40,
        "(SELECT VALUE x || x FROM (SELECT VALUE " * 40 + "'long'" + ") x)" * 40,
        "(SELECT VALUE ARRAY_CONCAT(x, x) FROM (SELECT VALUE " * 40 + "[1]" + ") x)" * 40,
    ],
    ids=lambda expression: expression[:30],
)
def test_no_value_grows_without_end(expression: str) -> None:
    """A string or an array that a query makes ends before the memory does."""
    with pytest.raises(BadRequest, match="longer than 4194304"):
        run(f"SELECT VALUE {expression}")


def test_a_pattern_that_takes_too_long_is_refused() -> None:
    """A regular expression whose time doubles with each character is stopped."""
    with pytest.raises(BadRequest, match="takes longer than"):
        run("SELECT VALUE REGEXMATCH(@text, '(a|aa)+$')", text="a" * 200 + "!")


def test_a_refusal_quotes_little_of_the_query() -> None:
    """A name of any length comes back cut."""
    with pytest.raises(QueryError) as refused:
        run("SELECT VALUE " + "a" * 100_000)
    assert len(refused.value.message) < 1_000


MANY = {"x": list(range(1_000))}


@pytest.mark.parametrize(
    "query",
    [
        "SELECT VALUE COUNT(1) FROM c JOIN a IN c.x JOIN b IN c.x JOIN d IN c.x JOIN e IN c.x",
        "SELECT VALUE 1 FROM c JOIN a IN c.x JOIN b IN c.x JOIN d IN c.x JOIN e IN c.x WHERE a > b + 1000",
        "SELECT VALUE a FROM c JOIN a IN c.x JOIN b IN c.x JOIN d IN c.x ORDER BY c.x",
        "SELECT VALUE EXISTS(SELECT VALUE 1 FROM a IN c.x JOIN b IN c.x JOIN d IN c.x WHERE a > b + 1000) FROM c",
        "SELECT VALUE (SELECT VALUE COUNT(1) FROM a IN c.x JOIN b IN c.x JOIN d IN c.x) FROM c",
        "SELECT DISTINCT VALUE a + b + d FROM c JOIN a IN c.x JOIN b IN c.x JOIN d IN c.x",
    ],
)
def test_a_query_that_combines_too_much_is_refused(monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    """Joins and subqueries that would make a thousand million rows are stopped, and what they made is let go."""
    monkeypatch.setattr(deadline, "LONGEST", 0.3)
    with pytest.raises(BadRequest, match="take longer than"):
        run(query, MANY)


@pytest.mark.parametrize("query", ["SELECT VALUE COUNT(1) FROM c", "SELECT VALUE COUNT(1) FROM t IN c.tags"])
def test_a_query_that_only_reads_items_is_not_stopped(monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    """A query over one input takes as long as the container is large."""
    monkeypatch.setattr(deadline, "LONGEST", -1)
    assert run(query, *DOCUMENTS) in ([3], [4])


def test_a_condition_of_a_patch_that_combines_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for a patch, whose condition is a query."""
    monkeypatch.setattr(deadline, "LONGEST", 0.3)
    holds = predicate(
        "SELECT * FROM c WHERE EXISTS(SELECT VALUE 1 FROM a IN c.x JOIN b IN c.x JOIN d IN c.x WHERE a > b + 1000)"
    )
    with pytest.raises(BadRequest, match="take longer than"):
        holds(MANY)
