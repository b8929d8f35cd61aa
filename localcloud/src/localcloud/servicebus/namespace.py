"""The entities of one Service Bus namespace, by the names that clients use."""

from collections.abc import Callable, Iterator, Mapping

from localcloud.authorization.messaging import DeclaredQueue, DeclaredSubscription, DeclaredTopic, Receivable
from localcloud.servicebus.address import Address, dead_letters_of
from localcloud.servicebus.filters.rules import Rule, RuleError
from localcloud.servicebus.properties import Properties
from localcloud.servicebus.queue import Queue
from localcloud.servicebus.state import State
from localcloud.servicebus.topics import Subscription, Topic


class DeadLetters(Queue):
    """The dead-letter sub-queue of a queue or a subscription."""

    can_send = False


class Namespace:
    """`name` is the fully qualified one, such as `contoso.servicebus.windows.net`.

    Raises `ValueError` if a subscription's rule can't be read.
    """

    def __init__(
        self,
        name: str,
        queues: Mapping[str, DeclaredQueue],
        topics: Mapping[str, DeclaredTopic],
        state: State,
        clock: Callable[[], float],
    ) -> None:
        self.name = name
        self._state = state
        self._clock = clock
        self._entities: dict[str, Queue] = {}
        for queue_name, queue in queues.items():
            scope, properties = f"serviceBus/{queue_name}", Properties.of(queue)
            dead_letters = self._dead_letters(queue_name, scope, properties)
            self._add(Queue(queue_name, scope, properties, state, clock, dead_letters))
        for topic_name, topic in topics.items():
            self._add_topic(topic_name, topic)
        for queue_name, queue in queues.items():
            self._forward(queue_name, queue)
        for topic_name, topic in topics.items():
            for subscription_name, subscription in topic.subscriptions.items():
                self._forward(_path(topic_name, subscription_name), subscription)

    def find(self, address: Address) -> Queue | None:
        return self._entities.get(address.key)

    def find_root(self, address: Address) -> Queue | None:
        """The entity of the address, without the sub-queue that it names."""
        return self._entities.get(address.root.lower())

    def __iter__(self) -> Iterator[Queue]:
        """Every queue, topic and subscription, and every dead-letter sub-queue before its entity."""
        return iter(self._entities.values())

    def _add_topic(self, name: str, topic: DeclaredTopic) -> None:
        scope = f"serviceBus/topics/{name}"
        subscriptions = []
        for subscription_name, described in topic.subscriptions.items():
            path, of_subscription = _path(name, subscription_name), f"{scope}/subscriptions/{subscription_name}"
            properties = Properties.of_subscription(described)
            dead_letters = self._dead_letters(path, of_subscription, properties)
            rules = _rules(path, described)
            subscriptions.append(
                Subscription(path, of_subscription, properties, self._state, self._clock, dead_letters, rules)
            )
        for subscription in subscriptions:
            self._add(subscription)
        self._add(Topic(name, scope, Properties.of_topic(topic), self._state, self._clock, subscriptions))

    def _dead_letters(self, of: str, scope: str, properties: Properties) -> DeadLetters:
        dead_letters = DeadLetters(dead_letters_of(of), scope, properties.of_dead_letters, self._state, self._clock)
        self._add(dead_letters)
        return dead_letters

    def _add(self, queue: Queue) -> None:
        self._entities[queue.name.lower()] = queue

    def _forward(self, name: str, described: Receivable) -> None:
        queue = self._entities[name.lower()]
        for source, target in (
            (queue, described.forwardTo),
            (queue.dead_letters, described.forwardDeadLetteredMessagesTo),
        ):
            if source is not None and target is not None:
                source.destination = self._entities[target.lower()]
                source.load()


def _path(topic: str, subscription: str) -> str:
    return f"{topic}/Subscriptions/{subscription}"


def _rules(path: str, described: DeclaredSubscription) -> list[Rule]:
    if described.rules is None:
        return [Rule.default()]
    try:
        return [Rule.of(name, rule) for name, rule in described.rules.items()]
    except RuleError as error:
        raise ValueError(f"a rule of {path} can't be read: {error}") from error
