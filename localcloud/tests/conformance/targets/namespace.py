"""A Service Bus namespace that is not in this process: the emulator's, or one in Azure."""

import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from azure.servicebus import ServiceBusClient, ServiceBusReceiver, ServiceBusSender, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient as AioServiceBusClient
from azure.servicebus.management import (
    CorrelationRuleFilter,
    ServiceBusAdministrationClient,
    SqlRuleAction,
    SqlRuleFilter,
)


@dataclass(frozen=True, slots=True)
class Made:
    """Names that no other run uses: of the queues, and of each topic by its name in the test."""

    queues: list[str]
    topics: dict[str, str]


class RemoteNamespace:
    """Its connections are few (the emulator takes ten), so what a test has opened is closed when the test ends."""

    def __init__(
        self, names: Made, client: Callable[[], ServiceBusClient], aio_client: Callable[[], AioServiceBusClient]
    ) -> None:
        self.queues = names.queues
        self._topics = names.topics
        self.aio_client = aio_client
        self._client = client
        self._opened = contextlib.ExitStack()

    def sender(self, queue: str) -> ServiceBusSender:
        return self._opened.enter_context(self._connection().get_queue_sender(queue))

    def receiver(self, queue: str, **options: Any) -> ServiceBusReceiver:
        return self._opened.enter_context(self._connection().get_queue_receiver(queue, **options))

    def topic_sender(self, topic: str) -> ServiceBusSender:
        return self._opened.enter_context(self._connection().get_topic_sender(self._topics[topic]))

    def subscription_receiver(self, topic: str, subscription: str, **options: Any) -> ServiceBusReceiver:
        receiver = self._connection().get_subscription_receiver(self._topics[topic], subscription, **options)
        return self._opened.enter_context(receiver)

    def dead_letters(self, queue: str) -> ServiceBusReceiver:
        return self.receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER)

    def release(self) -> None:
        self._opened.close()

    def _connection(self) -> ServiceBusClient:
        return self._opened.enter_context(self._client())


@contextlib.contextmanager
def made(
    administration: ServiceBusAdministrationClient,
    queues: Mapping[str, Mapping[str, Any]],
    topics: Mapping[str, Any],
) -> Iterator[Made]:
    """Makes queues and topics of names that no other run has used, and takes them away again."""
    run = uuid.uuid4().hex[:8]
    names = Made([], {})
    with administration, contextlib.ExitStack() as stack:
        for queue, properties in queues.items():
            name = f"conformance-{run}-{queue}"
            administration.create_queue(
                name,
                max_delivery_count=properties.get("maxDeliveryCount", 10),
                lock_duration=timedelta(minutes=1),
                requires_session=properties.get("requiresSession", False),
            )
            stack.callback(administration.delete_queue, name)
            names.queues.append(name)
        for topic, about in topics.items():
            name = f"conformance-{run}-{topic}"
            administration.create_topic(name)
            stack.callback(administration.delete_topic, name)
            names.topics[topic] = name
            for subscription, properties in about["subscriptions"].items():
                _make_subscription(administration, name, subscription, properties)
        yield names


def _make_subscription(
    administration: ServiceBusAdministrationClient, topic: str, name: str, properties: Mapping[str, Any]
) -> None:
    dead_letters_filter_errors = properties.get("deadLetteringOnFilterEvaluationExceptions", True)
    administration.create_subscription(
        topic,
        name,
        max_delivery_count=properties.get("maxDeliveryCount", 10),
        requires_session=properties.get("requiresSession", False),
        dead_lettering_on_filter_evaluation_exceptions=dead_letters_filter_errors,
    )
    rules = properties.get("rules")
    if rules is not None:
        administration.delete_rule(topic, name, "$Default")
    for rule, described in (rules or {}).items():
        action = described.get("action")
        administration.create_rule(
            topic,
            name,
            rule,
            filter=_filter(described),
            action=None if action is None else SqlRuleAction(action["sqlExpression"]),
        )


def _filter(described: Mapping[str, Any]) -> CorrelationRuleFilter | SqlRuleFilter:
    if "sqlFilter" in described:
        return SqlRuleFilter(described["sqlFilter"]["sqlExpression"])
    conditions = described["correlationFilter"]
    return CorrelationRuleFilter(label=conditions.get("label"), properties=conditions.get("properties"))
