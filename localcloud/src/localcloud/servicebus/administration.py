"""What the administration client asks for: an entity, a list of entities, a subscription's rules. Nothing is changed.

A path names an entity as a link's address does. `$Resources/queues`, `$Resources/topics`, `TOPIC/subscriptions` and
`TOPIC/subscriptions/SUBSCRIPTION/rules` are lists, in parts of 100 at most by `$skip` and `$top`.
https://learn.microsoft.com/rest/api/servicebus/entities-discovery
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from localcloud.authorization.roles import ControlAction
from localcloud.servicebus.actions import READ_QUEUE, READ_RULE, READ_SUBSCRIPTION, READ_TOPIC
from localcloud.servicebus.address import Address
from localcloud.servicebus.atom import Entry
from localcloud.servicebus.broker import Broker
from localcloud.servicebus.descriptions import describe, describe_rule
from localcloud.servicebus.filters.rules import Rule
from localcloud.servicebus.namespace import DeadLetters
from localcloud.servicebus.queue import Queue
from localcloud.servicebus.topics import Subscription, Topic

PART = 100  # entries of a list in one answer, as the SDKs ask for

_RESOURCES, _SUBSCRIPTIONS, _RULES = "$resources", "subscriptions", "rules"
_EVERYTHING = "serviceBus/*"


@dataclass(frozen=True, slots=True)
class Question:
    """The right that it needs, on which scope of the access model, and the answer.

    The answer is an entry, a list with its title, or nothing if there is no such entity.
    """

    action: ControlAction
    scope: str
    answer: Callable[[], "Entry | Listing | None"]


@dataclass(frozen=True, slots=True)
class Listing:
    """All entries of a list; the one who answers takes the part that is asked for."""

    title: str
    entries: list[Entry]


def question(broker: Broker, path: str) -> Question:
    """What a GET of this path asks. The answer is made when it is called: a stranger's request does not cost it."""
    address = Address.parse(path)
    entity = broker.queue(address)
    if entity is not None:
        return Question(_read(entity), entity.scope, lambda: _entry(broker, entity))
    *parents, last = ["", *address.entity.split("/")]
    kind = last.lower()
    if parents[1:] and parents[1].lower() == _RESOURCES:
        return _entities(broker, kind)
    parent = broker.queue(Address.parse("/".join(parents)))
    if kind == _SUBSCRIPTIONS and isinstance(parent, Topic):
        return Question(
            READ_SUBSCRIPTION, parent.scope, lambda: _listing(broker, "Subscriptions", parent.subscriptions)
        )
    if kind == _RULES and isinstance(parent, Subscription):
        rules = parent.rules.values()
        return Question(
            READ_RULE, parent.scope, lambda: Listing("Rules", [_rule(broker, parent, each) for each in rules])
        )
    owner = broker.queue(Address.parse("/".join(parents[:-1])))
    if parents[-1].lower() == _RULES and isinstance(owner, Subscription):
        rule = owner.rules.get(kind)
        return Question(READ_RULE, owner.scope, lambda: None if rule is None else _rule(broker, owner, rule))
    return Question(READ_QUEUE, f"serviceBus/{address.root}", lambda: None)


def _entities(broker: Broker, kind: str) -> Question:
    """The queues or the topics of the namespace: the right is needed on the whole of it."""
    if kind == "topics":
        return Question(
            READ_TOPIC, _EVERYTHING, lambda: _listing(broker, "Topics", filter(_is_topic, broker.entities()))
        )
    if kind == "queues":
        return Question(
            READ_QUEUE, _EVERYTHING, lambda: _listing(broker, "Queues", filter(_is_queue, broker.entities()))
        )
    return Question(READ_QUEUE, _EVERYTHING, lambda: None)


def _listing(broker: Broker, title: str, entities: Iterable[Queue]) -> Listing:
    return Listing(title, [_entry(broker, each) for each in entities])


def _is_topic(entity: Queue) -> bool:
    return isinstance(entity, Topic)


def _is_queue(entity: Queue) -> bool:
    return not isinstance(entity, Topic | Subscription | DeadLetters)


def _read(entity: Queue) -> ControlAction:
    if isinstance(entity, Topic):
        return READ_TOPIC
    return READ_SUBSCRIPTION if "/topics/" in entity.scope else READ_QUEUE  # a sub-queue is read as what it belongs to


def _entry(broker: Broker, entity: Queue) -> Entry:
    title = entity.name.rpartition("/")[2] if isinstance(entity, Subscription) else entity.name
    return Entry(f"https://{broker.namespace}/{entity.name}", title, describe(entity, broker.namespace))


def _rule(broker: Broker, subscription: Subscription, rule: Rule) -> Entry:
    url = f"https://{broker.namespace}/{subscription.name}/Rules/{rule.name}"
    return Entry(url, rule.name, describe_rule(rule))
