"""Service Bus's entities in the access model, with the properties of their resource types.

https://learn.microsoft.com/azure/templates/microsoft.servicebus/namespaces/queues
https://learn.microsoft.com/azure/templates/microsoft.servicebus/namespaces/topics/subscriptions
Names: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftservicebus
"""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

_TIMEDELTA = TypeAdapter(timedelta)
_LONGEST_LOCK = 5 * 60
_LONGEST_WINDOW = 7 * 24 * 60 * 60


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def seconds(duration: str) -> float:
    """An ISO 8601 duration's length; raises `ValidationError`."""
    return _TIMEDELTA.validate_python(duration).total_seconds()


def _iso_8601(duration: str) -> str:
    try:
        _TIMEDELTA.validate_python(duration)
    except ValidationError as error:
        raise ValueError(f"{duration!r} is not an ISO 8601 duration, such as PT1M") from error
    return duration


Duration = Annotated[str, Field(pattern="^P"), AfterValidator(_iso_8601)]


def _lock(duration: str) -> str:
    """Azure's shortest is 5 seconds. Tests of what happens when a lock ends would take long with it."""
    if not 0 < seconds(duration) <= _LONGEST_LOCK:
        raise ValueError(f"{duration} is no lock's duration: it is PT5M at most")
    return duration


def _window(duration: str) -> str:
    if not 0 < seconds(duration) <= _LONGEST_WINDOW:
        raise ValueError(f"{duration} is no duplicate detection's window: it is P7D at most")
    return duration


EntityPath = Annotated[str, Field(max_length=260, pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?$")]
EntityName = Annotated[str, Field(max_length=50, pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$")]
RuleName = Annotated[str, Field(max_length=50, pattern=r"^\$?[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$")]


class Receivable(_Part):
    """What a queue and a subscription have in common."""

    lockDuration: Annotated[Duration, AfterValidator(_lock)] = "PT1M"
    maxDeliveryCount: Annotated[int, Field(ge=1, le=2000)] = 10
    defaultMessageTimeToLive: Duration = "P14D"
    deadLetteringOnMessageExpiration: bool = False
    requiresSession: bool = False
    forwardTo: EntityPath | None = None
    forwardDeadLetteredMessagesTo: EntityPath | None = None

    @model_validator(mode="after")
    def _sessions_are_not_forwarded(self) -> "Receivable":
        if self.requiresSession and self.forwardTo is not None:
            raise ValueError("forwardTo is not for an entity that requires sessions: set one of the two")
        return self


class DeclaredQueue(Receivable):
    """A queue."""

    duplicateDetectionHistoryTimeWindow: Annotated[Duration, AfterValidator(_window)] | None = None


class SqlExpression(_Part):
    """The expression of a SQL filter or of an action."""

    sqlExpression: str


class CorrelationFilter(_Part):
    """Values that a message's properties equal, all of them. `properties` are those of the application."""

    contentType: str | None = None
    correlationId: str | None = None
    label: str | None = None
    messageId: str | None = None
    replyTo: str | None = None
    replyToSessionId: str | None = None
    sessionId: str | None = None
    to: str | None = None
    properties: dict[str, str | int | float | bool] = {}


class SubscriptionRule(_Part):
    """A rule: one filter, and perhaps an action."""

    sqlFilter: SqlExpression | None = None
    correlationFilter: CorrelationFilter | None = None
    action: SqlExpression | None = None

    @model_validator(mode="after")
    def _has_one_filter(self) -> "SubscriptionRule":
        if (self.sqlFilter is None) == (self.correlationFilter is None):
            raise ValueError("a rule has a sqlFilter or a correlationFilter, and not both")
        return self


class DeclaredSubscription(Receivable):
    """A subscription. Its rules are those given; without any it has the default rule, which takes every message."""

    deadLetteringOnFilterEvaluationExceptions: bool = True
    rules: dict[RuleName, SubscriptionRule] | None = None


class DeclaredTopic(_Part):
    """A topic with its subscriptions."""

    defaultMessageTimeToLive: Duration = "P14D"
    duplicateDetectionHistoryTimeWindow: Annotated[Duration, AfterValidator(_window)] | None = None
    subscriptions: Annotated[dict[EntityName, DeclaredSubscription], Field(max_length=2000)] = {}

    def scopes(self, name: str) -> list[str]:
        """Its own scope and those of its subscriptions, as `serviceBus/` precedes them."""
        return [f"topics/{name}", *(f"topics/{name}/subscriptions/{each}" for each in self.subscriptions)]


def without_topics(given: Any) -> Any:
    """The queues of what stands under `serviceBus` in the file."""
    return {name: entity for name, entity in given.items() if name != "topics"} if isinstance(given, dict) else given


def require_forwarding_makes_sense(queues: dict[str, DeclaredQueue], topics: dict[str, DeclaredTopic]) -> None:
    """Raises `ValueError` if two entities share a name, or one forwards to what does not exist.

    https://learn.microsoft.com/azure/service-bus-messaging/service-bus-auto-forwarding
    """
    names: dict[str, str] = {}
    for name in (*queues, *topics):
        if names.setdefault(name.lower(), name) != name or (name in queues and name in topics):
            raise ValueError(
                f"serviceBus: {name!r} and {names[name.lower()]!r} are one name, since case does not count"
            )
    sources: list[tuple[str, Receivable]] = list(queues.items())
    for topic, described in topics.items():
        sources += [(f"topics/{topic}/subscriptions/{name}", each) for name, each in described.subscriptions.items()]
    for source, entity in sources:
        for target in (entity.forwardTo, entity.forwardDeadLetteredMessagesTo):
            if target is not None and target.lower() not in names:
                raise ValueError(f"serviceBus/{source} forwards to {target!r}, which is no queue or topic")
            if target is not None and target.lower() == source.lower():
                raise ValueError(f"serviceBus/{source} forwards to itself")
