"""Topics and their subscriptions: each message goes to every subscription whose rules take it.

https://learn.microsoft.com/azure/service-bus-messaging/topic-filters
"""

from collections.abc import Callable, Mapping

from localcloud.servicebus import errors
from localcloud.servicebus.amqp.message import Message
from localcloud.servicebus.amqp.types import Value
from localcloud.servicebus.errors import AmqpError
from localcloud.servicebus.filters.rules import Description, Rule, RuleError
from localcloud.servicebus.filters.subject import Subject
from localcloud.servicebus.filters.values import FilterError
from localcloud.servicebus.properties import Properties
from localcloud.servicebus.queue import Queue
from localcloud.servicebus.quotas import CORRELATION_FILTERS, RULE_NAME_LENGTH, SQL_FILTERS
from localcloud.servicebus.state import State, Stored


class Subscription(Queue):
    """Receivers treat it as a queue; what comes in is what its rules take of its topic's messages.

    `declared` are the rules of the access file. Rules that were added or removed since are kept with the messages,
    until the file declares others.
    """

    can_send = False

    def __init__(
        self,
        name: str,
        scope: str,
        properties: Properties,
        state: State,
        clock: Callable[[], float],
        dead_letters: Queue,
        declared: list[Rule],
    ) -> None:
        self._declared = declared
        self.topic: Topic | None = None
        super().__init__(name, scope, properties, state, clock, dead_letters)

    def load(self) -> None:
        super().load()
        kept = self._state.rules(self._key, [(rule.name, rule.description) for rule in self._declared])
        self.rules = {name.lower(): Rule(name, description) for name, description in kept}

    def offer(self, message: Message, stored: Stored) -> None:
        """Takes what its rules take of a message that came to the topic. `stored` says when, and under which number.

        The rules without an action take one copy together, each rule with an action one of its own.
        """
        try:
            copies = self._copies(message, stored)
        except FilterError as error:
            if self.properties.dead_letters_filter_errors:
                self._refuse(message, stored, {"DeadLetterReason": "FilterException", _DESCRIPTION: str(error)})
            return
        for copy in copies:
            if self.sessions is not None and not copy.session_id:
                self._refuse(copy, stored, _SESSION_ID_IS_NULL)
            else:
                self.enqueue(copy, stored)

    def add_rule(self, name: str, description: Description) -> None:
        """Raises `AmqpError` if there is one of this name, if it is no rule, or if the topic has too many."""
        self._state.require_writable()
        if not 0 < len(name) <= RULE_NAME_LENGTH:
            raise AmqpError(errors.ARGUMENT_OUT_OF_RANGE, f"A rule's name has 1 to {RULE_NAME_LENGTH} characters.")
        if name.lower() in self.rules:
            raise AmqpError(errors.ENTITY_ALREADY_EXISTS, f"The rule '{name}' exists already in '{self.name}'.")
        try:
            rule = Rule(name, description)
        except RuleError as error:
            raise AmqpError(errors.ARGUMENT_ERROR, str(error)) from error
        if self.topic is not None:
            self.topic.require_room_for(rule)
        self._state.add_rule(self._key, name, description)
        self.rules[name.lower()] = rule

    def remove_rule(self, name: str) -> None:
        """Raises `AmqpError` if there is none of this name."""
        self._state.require_writable()
        if name.lower() not in self.rules:
            raise AmqpError(errors.NOT_FOUND, f"There is no rule '{name[:RULE_NAME_LENGTH]}' in '{self.name}'.")
        self._state.remove_rule(self._key, self.rules.pop(name.lower()).name)

    def _copies(self, message: Message, stored: Stored) -> list[Message]:
        taking = [rule for rule in self.rules.values() if rule.takes(_subject(message, stored))]
        copies = [message] if any(not rule.has_action for rule in taking) else []
        return copies + [rule.acted_on(_subject(message, stored)) for rule in taking if rule.has_action]

    def _refuse(self, message: Message, stored: Stored, reason: Mapping[str, Value]) -> None:
        """Dead-letters a message that never was in the subscription."""
        self._bury(stored.of(message), reason)


class Topic(Queue):
    """Keeps a message only until its time has come, then offers it to the subscriptions."""

    holds_messages = False

    def __init__(
        self,
        name: str,
        scope: str,
        properties: Properties,
        state: State,
        clock: Callable[[], float],
        subscriptions: list[Subscription],
    ) -> None:
        self.subscriptions = subscriptions
        for subscription in subscriptions:
            subscription.topic = self
        super().__init__(name, scope, properties, state, clock)

    def require_room_for(self, rule: Rule) -> None:
        """Raises `AmqpError` if the topic's subscriptions have as many such filters as Service Bus allows."""
        most = SQL_FILTERS if rule.is_sql else CORRELATION_FILTERS
        rules = (each for subscription in self.subscriptions for each in subscription.rules.values())
        if sum(each.is_sql == rule.is_sql for each in rules) >= most:
            raise AmqpError(errors.RESOURCE_LIMIT_EXCEEDED, f"A topic has {most} filters of this kind at most.")

    @property
    def passes_on(self) -> bool:
        return True

    def _pass_on(self, stored: Stored) -> None:
        message = Message.parse(stored.body)
        for subscription in self.subscriptions:
            subscription.offer(message, stored)


_DESCRIPTION = "DeadLetterErrorDescription"
_SESSION_ID_IS_NULL = {
    "DeadLetterReason": "Session ID is null.",
    _DESCRIPTION: "Session enabled entity doesn't allow a message whose session identifier is null.",
}


def _subject(message: Message, stored: Stored) -> Subject:
    return Subject(message, stored.sequence, stored.enqueued)
