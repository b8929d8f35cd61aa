"""What the administration says of a queue, a topic, a subscription and a rule: their properties and counts.

Elements stand in the order in which Service Bus gives them, since its clients of some languages read in order.
https://learn.microsoft.com/rest/api/servicebus/get-entity
"""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from typing import Any

from localcloud.servicebus.amqp.types import Int, Timestamp, Value
from localcloud.servicebus.filters.rules import CONDITIONS, Rule
from localcloud.servicebus.queue import Queue
from localcloud.servicebus.topics import Subscription, Topic

_SERVICE_BUS = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"
_COUNTS = "http://schemas.microsoft.com/netservices/2011/06/servicebus"
_SCHEMA = "http://www.w3.org/2001/XMLSchema"
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_COMPATIBILITY_LEVEL = 20  # of SQL expressions; Service Bus has no other
_FILTERS = {"1=1": "TrueFilter", "1=0": "FalseFilter"}


def describe(entity: Queue, namespace: str) -> ET.Element:
    """The description of a queue, a topic or a subscription. `namespace` is the fully qualified name."""
    if isinstance(entity, Topic):
        return _topic(entity)
    if isinstance(entity, Subscription):
        return _subscription(entity, namespace)
    return _queue(entity, namespace)


def describe_rule(rule: Rule) -> ET.Element:
    root = ET.Element(_name("RuleDescription"))
    if rule.is_sql:
        expression = rule.description["sql-filter"]["expression"]
        _sql(root, "Filter", _FILTERS.get(expression, "SqlFilter"), expression)
    else:
        _correlation(root, rule.description["correlation-filter"])
    action = rule.description.get("sql-rule-action")
    if action is None:
        ET.SubElement(root, _name("Action"), {_TYPE: "EmptyRuleAction"})
    else:
        _sql(root, "Action", "SqlRuleAction", action["expression"])
    _add(root, "Name", rule.name)
    return root


def _queue(queue: Queue, namespace: str) -> ET.Element:
    properties, (sizes, total) = queue.properties, _totals(queue)
    root = ET.Element(_name("QueueDescription"))
    _add(root, "LockDuration", _duration(properties.lock_duration))
    _add(root, "MaxSizeInMegabytes", 1024)
    _add(root, "RequiresDuplicateDetection", properties.duplicate_window is not None)
    _add(root, "RequiresSession", properties.requires_session)
    _add(root, "DefaultMessageTimeToLive", _duration(properties.default_time_to_live))
    _add(root, "DeadLetteringOnMessageExpiration", properties.dead_letters_expired)
    _add(root, "DuplicateDetectionHistoryTimeWindow", _duration(properties.duplicate_window))
    _add(root, "MaxDeliveryCount", properties.max_delivery_count)
    _add(root, "EnableBatchedOperations", True)
    _add(root, "SizeInBytes", sizes)
    _add(root, "MessageCount", total)
    _add(root, "Status", "Active")
    _forwarding(root, "ForwardTo", queue, namespace)
    _count_details(root, queue)
    _forwarding(root, "ForwardDeadLetteredMessagesTo", queue.dead_letters, namespace)
    return root


def _topic(topic: Topic) -> ET.Element:
    """A topic holds scheduled messages only; the others are its subscriptions'."""
    rules = [rule for subscription in topic.subscriptions for rule in subscription.rules.values()]
    root = ET.Element(_name("TopicDescription"))
    _add(root, "DefaultMessageTimeToLive", _duration(topic.properties.default_time_to_live))
    _add(root, "MaxSizeInMegabytes", 1024)
    _add(root, "RequiresDuplicateDetection", topic.properties.duplicate_window is not None)
    _add(root, "DuplicateDetectionHistoryTimeWindow", _duration(topic.properties.duplicate_window))
    _add(root, "EnableBatchedOperations", True)
    _add(root, "SizeInBytes", topic.counts.size + sum(_totals(each)[0] for each in topic.subscriptions))
    _add(root, "FilteringMessagesBeforePublishing", False)
    _add(root, "Status", "Active")
    _add(root, "SupportOrdering", True)
    _count_details(root, topic)
    _add(root, "SubscriptionCount", len(topic.subscriptions))
    _add(root, "SqlFilterCount", sum(rule.is_sql for rule in rules))
    _add(root, "CorrelationFilterCount", sum(not rule.is_sql for rule in rules))
    return root


def _subscription(subscription: Subscription, namespace: str) -> ET.Element:
    properties = subscription.properties
    root = ET.Element(_name("SubscriptionDescription"))
    _add(root, "LockDuration", _duration(properties.lock_duration))
    _add(root, "RequiresSession", properties.requires_session)
    _add(root, "DefaultMessageTimeToLive", _duration(properties.default_time_to_live))
    _add(root, "DeadLetteringOnMessageExpiration", properties.dead_letters_expired)
    _add(root, "DeadLetteringOnFilterEvaluationExceptions", properties.dead_letters_filter_errors)
    _add(root, "MessageCount", _totals(subscription)[1])
    _add(root, "MaxDeliveryCount", properties.max_delivery_count)
    _add(root, "EnableBatchedOperations", True)
    _add(root, "Status", "Active")
    _forwarding(root, "ForwardTo", subscription, namespace)
    _count_details(root, subscription)
    _forwarding(root, "ForwardDeadLetteredMessagesTo", subscription.dead_letters, namespace)
    return root


def _totals(queue: Queue) -> tuple[int, int]:
    """The bytes and the number of its messages, dead letters included."""
    parts = [each.counts for each in (queue, queue.dead_letters) if each is not None]
    return sum(each.size for each in parts), sum(each.active + each.deferred + each.scheduled for each in parts)


def _count_details(root: ET.Element, queue: Queue) -> None:
    counts = queue.counts
    details = ET.SubElement(root, _name("CountDetails"))
    for name, count in (
        ("ActiveMessageCount", counts.active + counts.deferred),
        ("DeadLetterMessageCount", queue.dead_letters.counts.active if queue.dead_letters is not None else 0),
        ("ScheduledMessageCount", counts.scheduled),
        ("TransferMessageCount", 0),
        ("TransferDeadLetterMessageCount", 0),
    ):
        ET.SubElement(details, f"{{{_COUNTS}}}{name}").text = str(count)


def _forwarding(root: ET.Element, name: str, source: Queue | None, namespace: str) -> None:
    if source is not None and source.destination is not None:
        _add(root, name, f"https://{namespace}/{source.destination.name}")


def _sql(root: ET.Element, name: str, kind: str, expression: str) -> None:
    part = ET.SubElement(root, _name(name), {_TYPE: kind})
    _add(part, "SqlExpression", expression)
    _add(part, "CompatibilityLevel", _COMPATIBILITY_LEVEL)


def _correlation(root: ET.Element, conditions: dict[Value, Value]) -> None:
    part = ET.SubElement(root, _name("Filter"), {_TYPE: "CorrelationFilter"})
    for key in CONDITIONS:
        _add(part, key.title().replace("-", ""), conditions.get(key))
    properties = ET.SubElement(part, _name("Properties"))
    for key, value in conditions.get("properties", {}).items():
        kind, text = _typed(value)
        pair = ET.SubElement(properties, _name("KeyValueOfstringanyType"))
        _add(pair, "Key", key)
        # Clients read the prefix as part of the text, so it is declared here and not left to the serializer.
        ET.SubElement(pair, _name("Value"), {"xmlns:d6p1": _SCHEMA, _TYPE: f"d6p1:{kind}"}).text = text


def _typed(value: Value) -> tuple[str, str]:
    """The XML Schema type of a property's value, and the value in words."""
    if isinstance(value, bool):
        return "boolean", str(value).lower()
    if isinstance(value, Timestamp):
        return "dateTime", datetime.fromtimestamp(value / 1000, UTC).isoformat()
    if isinstance(value, int):
        return "int" if isinstance(value, Int) else "long", str(value)
    return ("double" if isinstance(value, float) else "string"), str(value)


def _add(parent: ET.Element, name: str, value: Any) -> None:
    """Adds an element; none for a value that is nothing."""
    if value is not None:
        ET.SubElement(parent, _name(name)).text = str(value).lower() if isinstance(value, bool) else str(value)


def _name(name: str) -> str:
    return f"{{{_SERVICE_BUS}}}{name}"


def _duration(seconds: float | None) -> str | None:
    """ISO 8601, in days and seconds."""
    if seconds is None:
        return None
    days, rest = divmod(seconds, 86_400)
    return f"P{days:.0f}DT{rest:g}S"
