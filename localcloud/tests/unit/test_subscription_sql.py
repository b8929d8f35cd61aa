"""SQL filters and actions: each row is a text, and what Service Bus's pages say of it.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-sql-filter
https://learn.microsoft.com/azure/service-bus-messaging/service-bus-filter-examples
"""

import contextlib
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from localcloud.servicebus.amqp.encoder import encode
from localcloud.servicebus.amqp.message import Message
from localcloud.servicebus.amqp.types import Described, Int, Short, Symbol, UInt, ULong
from localcloud.servicebus.filters.rules import Rule, RuleError
from localcloud.servicebus.filters.sql import SqlError, parse_action, parse_filter
from localcloud.servicebus.filters.subject import Subject
from localcloud.servicebus.filters.values import FilterError

ID = uuid.UUID(int=7)
PROPERTIES: dict[str, Any] = {
    "color": "blue",
    "quantity": Int(10),
    "price": 2.5,
    "urgent": True,
    "nothing": None,
    "Property With Space": "x",
    "HR-EmployeeID": Short(3),
    'a"b]c': 1,
    "id": ID,
    "text": "100% it's_a\nlong text",
    "StoreId": "Store1",
    "Größe": 7,
}
SYSTEM = [
    "m-1",
    None,
    "Store5",
    "a bus stop",
    "answers",
    "c-1",
    Symbol("text/plain"),
    None,
    None,
    None,
    "s-1",
    None,
    "r-1",
]


def subject(properties: dict[str, Any] | None = None) -> Subject:
    sections = (0x73, SYSTEM), (0x74, PROPERTIES if properties is None else properties), (0x75, b"body")
    encoded = b"".join(encode(Described(ULong(code), value)) for code, value in sections)
    return Subject(Message.parse(encoded), 42, 1_000.0)


TRUE = [
    "color = 'blue'",
    "color='blue' AND quantity=10",
    "user.color='blue'",
    "COLOR = 'blue' and Quantity = 10",
    "color <> 'red'",
    "color != 'red'",
    "quantity > 9 AND quantity >= 10 AND quantity < 11 AND quantity <= 10",
    "quantity + 1 = 11 AND quantity - 1 = 9 AND quantity * 2 = 20 AND quantity / 4 = 2 AND quantity % 4 = 2",
    "-quantity = -10 AND +quantity = 10",
    "quantity + 2 * 3 = 16",
    "(quantity + 2) * 3 = 36",
    "-7 / 2 = -3 AND -7 % 2 = -1",
    "price = 2.5 AND price * 2 = 5",
    "quantity = 10.0 AND 1E1 = quantity AND 101.5E5 > 0.5E-2",
    "urgent = TRUE",
    "NOT urgent = FALSE",
    "urgent <> false",
    "nothing IS NULL",
    "missing IS NULL",
    "color IS NOT NULL",
    "EXISTS(color)",
    "EXISTS(nothing)",
    "NOT EXISTS(missing)",
    "EXISTS(sys.Label) AND NOT EXISTS(sys.PartitionKey)",
    "color IN ('red', 'blue')",
    "color NOT IN ('red', 'green')",
    "quantity IN (1, 5 + 5)",
    "StoreId IN('Store1', 'Store2', 'Store3')",
    "sys.To IN ('Store5','Store6','Store7') OR StoreId = 'Store8'",
    "sys.To NOT IN ('Store1','Store2') OR StoreId NOT IN ('Store1','Store2')",
    "sys.Label LIKE '%bus%'",
    "sys.label LIKE 'a_bus%'",
    "sys.Label LIKE '%bus%' OR user.tag IN ('queue', 'topic', 'subscription')",
    "color LIKE 'bl__'",
    "color NOT LIKE 'r%'",
    "text LIKE '100\\%%' ESCAPE '\\'",
    "text LIKE '%it''s%'",
    "text LIKE '100!% it%!_a%' ESCAPE '!'",
    "[Property With Space] = 'x'",
    "[HR-EmployeeID] = 3",
    '"HR-EmployeeID" = 3',
    '[a"b]]c] = 1',
    '"a""b]c" = 1',
    "user.[HR-EmployeeID] = 3",
    "Größe = 7",
    "property('color') = 'blue'",
    "p('quantity') = 10",
    "P('sys.Label') = sys.Label",
    "p('col' + 'or') = 'blue'",
    "newid() <> newid()",
    "id = p('id')",
    "sys.MessageId = 'm-1' AND sys.CorrelationId = 'c-1' AND sys.ReplyTo = 'answers'",
    "sys.SessionId = 's-1' AND sys.ReplyToSessionId = 'r-1' AND sys.ContentType = 'text/plain'",
    "sys.SequenceNumber = 42 AND sys.EnqueuedTimeUtc = 1000000",
    "1=1",
    "'it''s' = 'it''s'",
    "'a' + 'b' = 'ab'",
    "1=0 OR 1=1 AND 1=1",
    "NOT (1=0 AND missing = 1)",
    "NOT missing = 1 OR 1=1",
    "((1=1))",
    "color = 'blue' OR missing > 'x'",
]
NOT_TRUE = [
    "1=0",
    "missing = 1",
    "missing <> 1",
    "NOT missing = 1",
    "NOT (missing = 1 OR 1=0)",
    "missing + 1 = 1",
    "-missing = 1",
    "missing LIKE '%'",
    "missing NOT LIKE 'a'",
    "color LIKE missing",
    "missing IN (1)",
    "missing NOT IN (1)",
    "nothing = NULL",
    "NULL = NULL",
    "color = 'Blue'",
    "color = 10",
    "NOT color = 10",
    "urgent = 1",
    "color LIKE 'Bl%'",
    "color LIKE 'lue'",
    "text LIKE '100\\%' ESCAPE '\\'",
    "1=0 AND missing = 1",
    "EXISTS(missing)",
    "user.Label = 'a bus stop'",
    "Label = 'a bus stop'",
]
FAILS = {
    "sys.Color = 'blue'": "no system property",
    "p('sys.Nothing') = 1": "no system property",
    "quantity / 0 = 1": "divide by zero",
    "quantity % 0 = 1": "divide by zero",
    "9223372036854775807 + quantity = 1": "overflow",
    "color - 1 = 1": "can't be applied",
    "-color = 1": "can't be applied",
    "color + 1 = 1": "can't be applied",
    "quantity LIKE '1%'": "compares strings",
    "color LIKE 'b%' ESCAPE 'no'": "length 1",
    "p(1) = 1": "named by a string",
}
NO_FILTER = [
    "",
    "color",
    "TRUE",
    "NOT color",
    "color = 'blue' AND quantity",
    "(color = 'blue') = TRUE",
    "color == 'blue'",
    "color = 'blue",
    "color = ",
    "= 'blue'",
    "color 'blue'",
    "1abc = 1",
    "_color = 1",
    "order.color = 1",
    "sys.user.color = 1",
    "and = 1",
    "Like = 1",
    "null.x = 1",
    "color IN ()",
    "color IN ('a',)",
    "color IS 1",
    "1 IS NULL",
    "EXISTS('color')",
    "EXISTS(color = 1)",
    "newid(1) = 1",
    "now() = 1",
    "property() = 1",
    "color BETWEEN 1 AND 2",
    "color = @parameter",
    "color = 'a'; color = 'b'",
    "SET color = 'a'",
    "9223372036854775808 = 1",
    "[] = 1",
    "color || 'a' = 'b'",
    "a" * 1000 + " = 'more than 1,024 characters'",
]


@pytest.mark.parametrize("text", TRUE)
def test_a_filter_takes_a_message(text: str) -> None:
    """Each says something true of the message."""
    assert parse_filter(text)(subject())


@pytest.mark.parametrize("text", NOT_TRUE)
def test_a_filter_does_not_take_a_message(text: str) -> None:
    """What is false or unknown takes none."""
    assert not parse_filter(text)(subject())


@pytest.mark.parametrize(("text", "said"), FAILS.items())
def test_a_filter_fails_on_a_message(text: str, said: str) -> None:
    """It is a filter; on this message it can't be evaluated."""
    with pytest.raises(FilterError, match=said):
        parse_filter(text)(subject())


@pytest.mark.parametrize("text", NO_FILTER)
def test_what_is_no_filter_is_refused(text: str) -> None:
    """When the rule is made."""
    with pytest.raises(SqlError):
        parse_filter(text)


ACTIONS: dict[str, dict[str, Any]] = {
    "SET color = 'red'": {"color": "red"},
    "SET quantity = quantity / 2;": {"quantity": Int(5)},
    "set quantity = 2.5": {"quantity": 2.5},
    "SET price = 3": {"price": 3.0},
    "SET COLOR = 'red'": {"color": "red"},
    "SET new = 1 SET [a b] = 'x'; SET user.more = TRUE": {"new": 1, "a b": "x", "more": True},
    "SET new = missing": {"new": None},
    "SET color = color + 'ish' REMOVE price": {"color": "blueish", "price": ...},
    "REMOVE missing": {},
    "REMOVE color; SET was = color": {"color": ..., "was": None},
}


@pytest.mark.parametrize(("text", "changed"), ACTIONS.items())
def test_an_action_changes_application_properties(text: str, changed: dict[str, Any]) -> None:
    """A number keeps the type that the property has, if it fits."""
    one = subject()
    parse_action(text)(one)
    expected = {key: value for key, value in {**PROPERTIES, **changed}.items() if value is not ...}
    assert one.message.application_property_values() == expected
    types = {key: type(value) for key, value in one.properties.items()}
    assert types == {key: type(value) for key, value in expected.items()}


def test_an_action_changes_system_properties() -> None:
    """Those that are texts, and no other."""
    one = subject()
    parse_action("SET sys.Label = 'new' SET sys.To = NULL; REMOVE sys.ReplyTo SET sys.SessionId = color")(one)
    message = one.message
    assert [message.field(name) for name in ("subject", "to", "reply-to", "group-id")] == ["new", None, None, "blue"]
    for text in ("SET sys.Label = 1", "SET sys.SequenceNumber = 1", "SET sys.Nothing = 'x'", "REMOVE sys.Size"):
        with pytest.raises(FilterError):
            parse_action(text)(subject())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "color = 'red'",
        "SET color",
        "SET 1 = 2",
        "REMOVE",
        "SET a = 1,",
        "SET a = (b = 1)",
        "SET a = 1;" * 33,
        "DROP a",
    ],
)
def test_what_is_no_action_is_refused(text: str) -> None:
    """When the rule is made; 32 statements are the most."""
    with pytest.raises(SqlError):
        parse_action(text)


CORRELATION: list[tuple[dict[str, Any], bool]] = [
    ({"correlation-id": "c-1"}, True),
    ({"correlation-id": "C-1"}, False),
    ({"message-id": "m-1", "to": "Store5", "reply-to": "answers", "label": "a bus stop"}, True),
    ({"session-id": "s-1", "reply-to-session-id": "r-1", "content-type": "text/plain"}, True),
    ({"message-id": "m-1", "to": "other"}, False),
    ({"label": None, "message-id": "m-1"}, True),
    ({"properties": {"color": "blue", "quantity": 10}}, True),
    ({"properties": {"quantity": UInt(10), "id": ID}}, True),
    ({"properties": {"color": "blue", "quantity": 11}}, False),
    ({"properties": {"Color": "blue"}}, False),
    ({"properties": {"missing": "x"}}, False),
    ({"properties": {"quantity": "10"}}, False),
    ({"properties": {"urgent": True}, "label": "a bus stop"}, True),
]


@pytest.mark.parametrize(("conditions", "taken"), CORRELATION)
def test_a_correlation_filter_compares_values(conditions: dict[str, Any], taken: bool) -> None:
    """All of its conditions must hold; strings compare with their case."""
    assert Rule("r", {"correlation-filter": conditions}).takes(subject()) == taken


@pytest.mark.parametrize(
    "description",
    [
        {},
        {"sql-filter": {"expression": "1=1"}, "correlation-filter": {"label": "x"}},
        {"sql-filter": "1=1"},
        {"sql-filter": {"expression": 1}},
        {"correlation-filter": {}},
        {"correlation-filter": {"label": 1}},
        {"correlation-filter": {"properties": {"a": []}}},
        {"correlation-filter": {"properties": {1: "a"}}},
        {"sql-filter": {"expression": "1=1"}, "sql-rule-action": {"expression": "nothing"}},
    ],
)
def test_what_is_no_rule_is_refused(description: dict[str, Any]) -> None:
    """A rule has one filter, and perhaps an action."""
    with pytest.raises(RuleError):
        Rule("r", description)


OPERANDS = ("a", "sys.Label", "'x'", "1", "2.5", "NULL", "TRUE", "[b]", "newid()", "p('a')", "é", "\x00")
SIGNS = ("=", "<>", "+", "-", "*", "/", "%", "(", ")", "AND", "OR", "NOT", "IS", "IN", "LIKE", "ESCAPE", "EXISTS", ",")
WORDS = st.sampled_from([*OPERANDS, *SIGNS, "SET", "REMOVE", ";"])


@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=12).map(" ".join)))
def test_any_text_is_a_filter_or_is_refused(text: str) -> None:
    """The parser and the evaluation raise their own errors and no others."""
    for parse in (parse_filter, parse_action):
        with contextlib.suppress(SqlError, FilterError):
            parse(text)(subject())


@pytest.mark.parametrize(
    "text", ["(" * 500 + "1=1" + ")" * 500, "NOT " * 250 + "1=1", "-" * 1000 + "1=1", "1=1" + " OR 1=1" * 145]
)
def test_a_deep_expression_ends(text: str) -> None:
    """With an answer or with a filter's error, and no other."""
    with contextlib.suppress(FilterError):
        parse_filter(text)(subject())


def test_a_pattern_of_many_wildcards_ends() -> None:
    """The work grows with the product of the two lengths, and no faster."""
    long = subject({"text": "a" * 30_000})
    assert not parse_filter("text LIKE '" + "%a" * 400 + "%b'")(long)
