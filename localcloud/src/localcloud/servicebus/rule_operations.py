"""Requests about a subscription's rules. They need the right to receive, and no more.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response#rule-operations
https://learn.microsoft.com/dotnet/api/azure.messaging.servicebus.servicebusrulemanager
"""

from localcloud.servicebus import errors
from localcloud.servicebus.errors import AmqpError
from localcloud.servicebus.requests import NO_CONTENT, Asked, Body, field
from localcloud.servicebus.topics import Subscription

_RULES = 100  # in one answer


def add_rule(asked: Asked) -> Body:
    _subscription(asked).add_rule(field(str, asked.body, "rule-name"), field(dict, asked.body, "rule-description"))
    return {}


def remove_rule(asked: Asked) -> Body:
    _subscription(asked).remove_rule(field(str, asked.body, "rule-name"))
    return {}


def enumerate_rules(asked: Asked) -> Body:
    rules = list(_subscription(asked).rules.values())
    top, skip = field(int, asked.body, "top"), field(int, asked.body, "skip")
    if skip < 0 or top < 0:
        raise AmqpError(errors.INVALID_FIELD, "skip and top are not negative.")
    found = rules[skip : skip + min(top, _RULES)]
    return {"rules": [{"rule-description": rule.enumerated()} for rule in found]} if found else NO_CONTENT


def _subscription(asked: Asked) -> Subscription:
    if not isinstance(asked.queue, Subscription):
        raise AmqpError(errors.NOT_ALLOWED, f"'{asked.queue.name}' is no subscription, so it has no rules.")
    return asked.queue
