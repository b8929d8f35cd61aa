"""What Cosmos DB's SQL means: values, undefined, conditions, order, projection."""

from typing import Any

import pytest
from harness.cosmos import run


def value(expression: str, document: Any = None, **parameters: Any) -> list[Any]:
    """The expression's value on one document, in a list that is empty if it is undefined."""
    return run(f"SELECT VALUE {expression} FROM c", document or {}, **parameters)  # noqa: S608 (what is tested)


TRUE, FALSE, UNDEFINED = [True], [False], list[Any]()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 = 1.0", TRUE),
        ("1 = true", FALSE),
        ("1 = '1'", FALSE),
        ("1 != '1'", TRUE),
        ("1 <> 2", TRUE),
        ("null = null", TRUE),
        ("null != 1", TRUE),
        ("c.missing = null", UNDEFINED),
        ("c.missing = c.missing", UNDEFINED),
        ("c.missing != 1", UNDEFINED),
        ("[1, {'a': 2}] = [1, {'a': 2}]", TRUE),
        ("{'a': 1, 'b': 2} = {'b': 2, 'a': 1}", TRUE),
        ("[1] = [true]", FALSE),
        ("1 < 2", TRUE),
        ("'a' < 'b'", TRUE),
        ("false < true", TRUE),
        ("1 < '2'", UNDEFINED),
        ("null < 1", UNDEFINED),
        ("[1] < [2]", UNDEFINED),
        ("c.missing < 1", UNDEFINED),
        ("null >= null", TRUE),
    ],
)
def test_comparisons(expression: str, expected: list[bool]) -> None:
    """Equality is false across types, an order across types is undefined, and so is anything with undefined."""
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("false AND c.missing", FALSE),
        ("c.missing AND false", FALSE),
        ("true AND c.missing", UNDEFINED),
        ("true OR c.missing", TRUE),
        ("c.missing OR true", TRUE),
        ("false OR c.missing", UNDEFINED),
        ("NOT c.missing", UNDEFINED),
        ("NOT 1", UNDEFINED),
        ("1 AND true", UNDEFINED),
        ("NOT false AND false", FALSE),
        ("true OR true AND false", TRUE),
        ("(true OR true) AND false", FALSE),
        ("2 IN (1, 2)", TRUE),
        ("3 IN (1, 2)", FALSE),
        ("3 NOT IN (1, 2)", TRUE),
        ("c.missing IN (1, 2)", UNDEFINED),
        ("(2 BETWEEN 1 AND 3) AND true", TRUE),
        ("4 BETWEEN 1 AND 3", FALSE),
        ("'2' BETWEEN 1 AND 3", UNDEFINED),
        ("4 NOT BETWEEN 1 AND 3", TRUE),
        ("2 IN (c.missing, 2)", TRUE),
        ("3 IN (c.missing, 2)", FALSE),
        ("NOT 1 = 2", UNDEFINED),  # (NOT 1) = 2
        ("NOT (1 = 2)", TRUE),
        ("NOT true = false", TRUE),  # (NOT true) = false
        ("1 = 1 = true", TRUE),  # (1 = 1) = true
        ("1 < 2 AND 2 < 3 OR c.missing", TRUE),
    ],
)
def test_conditions_have_three_values(expression: str, expected: list[bool]) -> None:
    """An operand that decides does so beside an undefined one; otherwise undefined wins."""
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3", [7]),
        ("(1 + 2) * 3", [9]),
        ("7 / 2", [3.5]),
        ("-7 % 4", [-3]),
        ("1 | 2 + 4", [7]),  # (1 | 2) + 4: they bind alike
        ("6 & 3", [2]),
        ("6 ^ 3", [5]),
        ("~5", [-6]),
        ("1 << 31", [-2147483648]),
        ("-8 >> 1", [-4]),
        ("-1 >>> 28", [15]),
        ("1 & '1'", UNDEFINED),
        ("- - 1", [1]),
        ("+'1'", UNDEFINED),
        ("9007199254740993 + 0", [9007199254740992]),
        ("9007199254740993", [9007199254740993]),
        ("-9223372036854775808", [-9223372036854775808]),
        ("0xFF", [255]),
        ("0x7FFFFFFFFFFFFFFF", [9223372036854775807]),
        (".5", [0.5]),
        ("5.", [5]),
        ("1e2", [100]),
        ("1.5E-1", [0.15]),
        ("NaN", UNDEFINED),
        ("[1, Infinity, {'n': NaN}]", [[1, {}]]),
        ("TOSTRING([1, Infinity, {'n': NaN}])", ["[1,{}]"]),
        ("1 / 0", UNDEFINED),
        ("1 + '1'", UNDEFINED),
        ("1e308 * 10", UNDEFINED),
        ("'a' || \"b\"", ["ab"]),
        ("'it\\'s \"quoted\"'", ['it\'s "quoted"']),
        ('"\\u00e9\\n"', ["é\n"]),
        (r"""'\' \" \\ \/ \b \f \n \r \t \u0041'""", ["' \" \\ / \b \f \n \r \t A"]),
        (r'''"\' \" \\ \/ \b \f \n \r \t \u0041"''', ["' \" \\ / \b \f \n \r \t A"]),
        (r"""'\\\''""", ["\\'"]),
        (r'''"\\'"''', ["\\'"]),
        ("[1, c.missing, 2]", [[1, 2]]),
        ("{'a': c.missing, b: 1}", [{"b": 1}]),
        ("undefined", UNDEFINED),
        ("NULL", [None]),
        ("c.missing ?? 'default'", ["default"]),
        ("null ?? 'default'", [None]),
        ("c.missing ?? c.missing ?? 3", [3]),
        ("c.missing ?? 1 + 1", [2]),
        ("true ? 1 : 2", [1]),
        ("1 ? 1 : 2", [2]),
        ("c.missing ? 1 : 2", [2]),
        ("false ? 1 : true ? 2 : 3", [2]),
        ("false ? 1 : c.missing ?? 4", [4]),
    ],
)
def test_values(expression: str, expected: list[Any]) -> None:
    """Numbers, strings and literals, and what has no value is undefined."""
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("c.a.b", [1]),
        ('c["a"]["b"]', [1]),
        ("c['two words']", [2]),
        ("c['order']", [3]),
        ("c['value']['select']", [4]),
        ("{'a': {'b': 1}}.a.b", [1]),
        ("[5, 6][1]", [6]),
        ("c.list[1]", [6]),
        ("c.list[@i]", [5]),
        ("c.list[9]", UNDEFINED),
        ("c.list['0']", UNDEFINED),
        ("c.a[0]", UNDEFINED),
        ("c.nothing.at.all", UNDEFINED),
    ],
)
def test_paths(path: str, expected: list[Any]) -> None:
    """Properties by name or in brackets, keywords among them, and elements by number."""
    document = {"a": {"b": 1}, "two words": 2, "order": 3, "value": {"select": 4}, "list": [5, 6]}
    assert value(path, document, i=0) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("IS_DEFINED(c.missing)", FALSE),
        ("IS_DEFINED(c['null'])", TRUE),
        ("IS_NULL(c['null'])", TRUE),
        ("IS_NULL(c.missing)", FALSE),
        ("is_string(c.text)", TRUE),
        ("IS_NUMBER(true)", FALSE),
        ("CONTAINS(c.text, 'ell')", TRUE),
        ("CONTAINS(c.text, 'ELL')", FALSE),
        ("CONTAINS(c.text, 'ELL', true)", TRUE),
        ("CONTAINS(c.missing, 'x')", UNDEFINED),
        ("CONTAINS(c.text, true)", UNDEFINED),
        ("CONTAINS(c.text, 'x', 'y')", UNDEFINED),
        ("STARTSWITH(c.text, 'He')", TRUE),
        ("ENDSWITH(c.text, 'He')", FALSE),
        ("LOWER(c.text)", ["hello"]),
        ("UPPER(c.text)", ["HELLO"]),
        ("UPPER(1)", UNDEFINED),
        ("LENGTH(c.text)", [5]),
        ("SUBSTRING(c.text, 1, 3)", ["ell"]),
        ("CONCAT(c.text, '!', '?')", ["Hello!?"]),
        ("ARRAY_CONTAINS(c.list, 2)", TRUE),
        ("ARRAY_CONTAINS(c.list, true)", FALSE),
        ("ARRAY_CONTAINS(c.list, {'a': 1})", FALSE),
        ("ARRAY_CONTAINS(c.list, {'a': 1}, true)", TRUE),
        ("ARRAY_CONTAINS(c.text, 1)", UNDEFINED),
        ("ARRAY_LENGTH(c.list)", [3]),
        ("ABS(-2) + FLOOR(1.5) + CEILING(1.5)", [5]),
    ],
)
def test_functions(call: str, expected: list[Any]) -> None:
    """The built-in functions, in any case, and undefined for what they are not for."""
    assert value(call, {"text": "Hello", "null": None, "list": [1, 2, {"a": 1, "b": 2}]}) == expected


def test_only_a_true_condition_selects() -> None:
    """A condition that is undefined or no boolean selects nothing."""
    documents = [{"n": 1}, {"n": "1"}, {}, {"n": True}]
    assert run("SELECT * FROM c WHERE c.n", *documents) == [{"n": True}]
    assert run("SELECT * FROM c WHERE NOT (c.n > 5)", *documents) == [{"n": 1}]


def test_projection_names_its_columns() -> None:
    """A column is called by its alias, its last step or its number, and left out if it is undefined."""
    query = "SELECT c.a, c.b.d AS deep, c['x y'], c.n + 1, c.missing, c FROM c"
    (row,) = run(query, {"a": 1, "b": {"d": 2}, "x y": 3, "n": 4})
    assert row == {"a": 1, "deep": 2, "x y": 3, "$1": 5, "c": {"a": 1, "b": {"d": 2}, "x y": 3, "n": 4}}


def test_order_sorts_all_types() -> None:
    """Undefined, null, booleans, numbers, strings, arrays and objects, in this order."""
    values: list[Any] = [{"x": 1}, "b", 2, [0], True, None, 1, False, "a", {}, []]
    documents: list[Any] = [*({"n": value} for value in values), {"id": "none"}]
    ascending = run("SELECT VALUE [c.n] FROM c ORDER BY c.n", *documents)
    assert ascending == [[], [None], [False], [True], [1], [2], ["a"], ["b"], [[0]], [[]], [{"x": 1}], [{}]]
    assert run("SELECT VALUE [c.n] FROM c ORDER BY c.n DESC", *documents) == ascending[::-1]


def test_equal_sort_keys_leave_the_order_of_creation() -> None:
    """It is backward if the first key is descending, as of an index that is read backward."""
    documents = [{"id": id, "n": n, "m": m} for id, n, m in (("a", 1, 1), ("b", 1, 1), ("c", 2, 2), ("d", 1, 2))]
    assert run("SELECT VALUE c.id FROM c ORDER BY c.n", *documents) == ["a", "b", "d", "c"]
    assert run("SELECT VALUE c.id FROM c ORDER BY c.n DESC", *documents) == ["c", "d", "b", "a"]
    assert run("SELECT VALUE c.id FROM c ORDER BY c.n, c.m DESC", *documents) == ["d", "a", "b", "c"]
    assert run("SELECT VALUE c.id FROM c ORDER BY c.n DESC, c.m", *documents) == ["c", "b", "a", "d"]


def test_aggregates_pass_over_undefined() -> None:
    """COUNT counts what is defined; SUM and AVG of what is no number are undefined; nothing at all counts 0."""
    documents = [{"n": 1, "t": "x"}, {"n": 2}, {}]
    assert run("SELECT COUNT(1) AS all, COUNT(c.n) AS n, SUM(c.n) AS s, AVG(c.n) a, SUM(c.t) t FROM c", *documents) == [
        {"all": 3, "n": 2, "s": 3, "a": 1.5}
    ]
    assert run("SELECT VALUE COUNT(1) FROM c") == [0]
    assert run("SELECT VALUE MAX(c.n) FROM c") == []
    assert run("SELECT VALUE MIN(c.t) FROM c", *documents) == ["x"]


def test_distinct_compares_whole_rows() -> None:
    """Rows that are the same value come once, however it is written."""
    same = ({"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1.0}})
    assert run("SELECT DISTINCT VALUE c.a FROM c", *same, {"a": True}, {"a": 1}) == [{"x": 1, "y": 2}, True, 1]
    assert run("SELECT DISTINCT c.a FROM c", {"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": [1]}) == [{"a": 1}, {"a": [1]}]


def test_comments_and_case_do_not_count() -> None:
    """Keywords may be written in any case, a comment runs to the end of its line."""
    query = "select /* only\nthe number */ value c.n -- of each\nfrom orders c where c.n = 1"
    assert run(query, {"n": 1}, {"n": 2}) == [1]


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("SOAPS", "%SO%PS%", TRUE),
        ("SOAPS", "%SO_PS%", TRUE),
        ("SOOPS", "%SO[a-f]PS%", FALSE),
        ("SOtPS", "%SO[t-z]PS%", TRUE),
        ("SOtPS", "%SO[^abc]PS%", TRUE),
        ("SOaPS", "%SO[^a-f]PS%", FALSE),
        ("fruit salad", "fruit%", TRUE),
        ("a fruit", "fruit%", FALSE),
        ("20-30%", "20-30[%]", TRUE),
        ("20-300", "20-30[%]", FALSE),
        ("_n", "[_]n", TRUE),
        ("an", "[_]n", FALSE),
        ("[", "[ [ ]", TRUE),
        ("]", "]", TRUE),
        ("", "%", TRUE),
        ("a\nb", "a%b", TRUE),
        ("", "_", FALSE),
        (7, "%", UNDEFINED),
    ],
)
def test_like(text: Any, pattern: str, expected: list[bool]) -> None:
    """The wildcards of LIKE, as its page lists them; NOT LIKE is the opposite."""
    assert value("c.text LIKE @pattern", {"text": text}, pattern=pattern) == expected
    assert value("c.text NOT LIKE @pattern", {"text": text}, pattern=pattern) == [not one for one in expected]


def test_like_escapes_wildcards() -> None:
    """The character of ESCAPE takes the next one's meaning away."""
    documents = [{"d": "saves 20% today"}, {"d": "saves 200 today"}]
    assert run("SELECT VALUE c.d FROM c WHERE c.d LIKE '%20^%%' ESCAPE '^'", *documents) == ["saves 20% today"]


def test_integers_of_64_bits_are_exact() -> None:
    """They compare, sort, group and come back as they were stored, in a projection too."""
    numbers = [9223372036854775807, 9223372036854775806, 123456789012345678]
    documents = [{"n": number} for number in numbers]
    assert run("SELECT VALUE c.n FROM c", *documents) == numbers
    assert run("SELECT VALUE {'n': c.n} FROM c WHERE c.n = 9223372036854775806", *documents) == [{"n": numbers[1]}]
    assert run("SELECT VALUE c.n FROM c WHERE c.n = @n", *documents, n=123456789012345678) == [123456789012345678]
    assert run("SELECT VALUE c.n FROM c ORDER BY c.n", *documents) == sorted(numbers)
    assert len(run("SELECT c.n FROM c GROUP BY c.n", *documents)) == 3
