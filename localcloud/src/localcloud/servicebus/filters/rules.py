"""A subscription's rules: how each is described over AMQP, and what it takes of a message.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response#rule-operations
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from localcloud.authorization.messaging import SubscriptionRule
from localcloud.servicebus.amqp.message import Message
from localcloud.servicebus.amqp.types import Described, ULong, Value
from localcloud.servicebus.filters.sql import SqlError, parse_action, parse_filter
from localcloud.servicebus.filters.subject import FIELDS, Subject
from localcloud.servicebus.filters.values import compare

DEFAULT_RULE = "$Default"

# Descriptors of what an enumeration answers.
_RULE, _EMPTY_ACTION, _SQL_ACTION = ULong(0x13700000004), ULong(0x13700000005), ULong(0x13700000006)
_SQL, _TRUE, _FALSE = ULong(0x1370000006), ULong(0x1370000007), ULong(0x1370000008)
_CORRELATION = ULong(0x1370000009)

# The conditions of a correlation filter in the order of an enumeration, and the system property of each.
CONDITIONS: Mapping[str, str] = MappingProxyType(
    {
        "correlation-id": "correlationid",
        "message-id": "messageid",
        "to": "to",
        "reply-to": "replyto",
        "label": "label",
        "session-id": "sessionid",
        "reply-to-session-id": "replytosessionid",
        "content-type": "contenttype",
    }
)
_TRUTHS = MappingProxyType({"1=1": _TRUE, "1=0": _FALSE})

Description = dict[Value, Value]


class RuleError(ValueError):
    """A description is not that of a rule; the message says why."""


class Rule:
    """`description` is the map that `add-rule` takes. Raises `RuleError`."""

    def __init__(self, name: str, description: Description) -> None:
        self.name = name
        sql, correlation = description.get("sql-filter"), description.get("correlation-filter")
        if (sql is None) == (correlation is None):
            raise RuleError("A rule has a sql-filter or a correlation-filter, and not both.")
        self.is_sql = sql is not None
        action = description.get("sql-rule-action")
        self.description: Description = {}
        if action is not None:
            self.description["sql-rule-action"] = {"expression": _expression(action)}
        try:
            if self.is_sql:
                self.description["sql-filter"] = {"expression": _expression(sql)}
                self._takes = parse_filter(_expression(sql))
            else:
                self.description["correlation-filter"] = conditions = _conditions(correlation)
                self._takes = _correlation(conditions)
            self._act = None if action is None else parse_action(_expression(action))
        except SqlError as error:
            raise RuleError(str(error)) from error

    @classmethod
    def default(cls) -> "Rule":
        """The rule that takes every message."""
        return cls(DEFAULT_RULE, {"sql-filter": {"expression": "1=1"}})

    @classmethod
    def of(cls, name: str, described: SubscriptionRule) -> "Rule":
        """A rule of the access model. Raises `RuleError`."""
        description: Description = {}
        if described.sqlFilter is not None:
            description["sql-filter"] = {"expression": described.sqlFilter.sqlExpression}
        if described.correlationFilter is not None:
            given = described.correlationFilter.model_dump(exclude_none=True)
            properties = given.pop("properties")
            conditions = {key: given[_camel_case(key)] for key in CONDITIONS if _camel_case(key) in given}
            description["correlation-filter"] = conditions | ({"properties": properties} if properties else {})
        if described.action is not None:
            description["sql-rule-action"] = {"expression": described.action.sqlExpression}
        return cls(name, description)

    @property
    def has_action(self) -> bool:
        return self._act is not None

    def takes(self, subject: Subject) -> bool:
        """Whether the filter takes the message; raises `FilterError`."""
        return self._takes(subject)

    def acted_on(self, subject: Subject) -> Message:
        """The message as the action leaves it, with the rule's name; raises `FilterError`."""
        if self._act is not None:
            self._act(subject)
        return subject.message.with_properties({"RuleName": self.name})

    def enumerated(self) -> Described:
        """As an enumeration answers it."""
        action = self.description.get("sql-rule-action")
        described = Described(_EMPTY_ACTION, []) if action is None else Described(_SQL_ACTION, [_expression(action)])
        return Described(_RULE, [self._enumerated_filter(), described, self.name])

    def _enumerated_filter(self) -> Described:
        if self.is_sql:
            expression = _expression(self.description["sql-filter"])
            truth = _TRUTHS.get(expression)
            return Described(_SQL, [expression]) if truth is None else Described(truth, [])
        conditions = self.description["correlation-filter"]
        return Described(_CORRELATION, [*(conditions.get(key) for key in CONDITIONS), conditions.get("properties")])


def _conditions(given: Value) -> Description:
    """What a correlation filter asks, one condition at least; raises `RuleError`."""
    if not isinstance(given, dict):
        raise RuleError("A correlation-filter is a map.")
    conditions = {key: value for key, value in given.items() if key in CONDITIONS and value is not None}
    properties = given.get("properties") or {}
    if not all(isinstance(value, str) for value in conditions.values()):
        raise RuleError("A correlation-filter compares strings.")
    if not isinstance(properties, dict) or not all(isinstance(key, str) for key in properties):
        raise RuleError("The properties of a correlation-filter are a map with strings as keys.")
    if any(isinstance(value, list | dict | Described) for value in properties.values()):
        raise RuleError("A property of a correlation-filter has a simple value.")
    if not conditions and not properties:
        raise RuleError("A correlation-filter has one condition at least.")
    return conditions | ({"properties": properties} if properties else {})


def _correlation(conditions: Description) -> Callable[[Subject], bool]:
    """A message is taken if each of its properties that the filter names has the value that it gives."""
    fields = {key: value for key, value in conditions.items() if key in CONDITIONS}
    properties = conditions.get("properties", {})

    def takes(subject: Subject) -> bool:
        return all(_same(subject.system_property(CONDITIONS[key]), value) for key, value in fields.items()) and all(
            _same(subject.properties.get(key), value) for key, value in properties.items()
        )

    return takes


def _same(found: Any, wanted: Any) -> bool:
    same = compare("=", found, wanted)
    return found is not None and type(found) is type(wanted) and found == wanted if same is None else same


def _expression(part: Value) -> str:
    expression = part.get("expression") if isinstance(part, dict) else None
    if not isinstance(expression, str):
        raise RuleError("A sql-filter and a sql-rule-action have an expression.")
    return expression


def _camel_case(key: str) -> str:
    first, *rest = key.split("-")
    return first + "".join(word.capitalize() for word in rest)


assert set(CONDITIONS.values()) == set(FIELDS)  # noqa: S101 - one list of a message's properties, in two spellings
