"""What queues, topics and subscriptions are like.

https://learn.microsoft.com/azure/templates/microsoft.servicebus/namespaces/queues
https://learn.microsoft.com/azure/templates/microsoft.servicebus/namespaces/topics/subscriptions
"""

from dataclasses import dataclass

from localcloud.authorization.messaging import DeclaredQueue, DeclaredSubscription, DeclaredTopic, seconds


@dataclass(frozen=True, slots=True)
class Properties:
    """An entity's properties; durations in seconds, nothing if there is no limit."""

    lock_duration: float
    max_delivery_count: int | None
    default_time_to_live: float | None
    duplicate_window: float | None
    dead_letters_expired: bool
    requires_session: bool
    dead_letters_filter_errors: bool = False

    @classmethod
    def of(cls, queue: DeclaredQueue) -> "Properties":
        window = queue.duplicateDetectionHistoryTimeWindow
        return cls(
            seconds(queue.lockDuration),
            queue.maxDeliveryCount,
            seconds(queue.defaultMessageTimeToLive),
            None if window is None else seconds(window),
            queue.deadLetteringOnMessageExpiration,
            queue.requiresSession,
        )

    @classmethod
    def of_topic(cls, topic: DeclaredTopic) -> "Properties":
        window = topic.duplicateDetectionHistoryTimeWindow
        window_in_seconds = None if window is None else seconds(window)
        return cls(0.0, None, seconds(topic.defaultMessageTimeToLive), window_in_seconds, False, False)

    @classmethod
    def of_subscription(cls, subscription: DeclaredSubscription) -> "Properties":
        return cls(
            seconds(subscription.lockDuration),
            subscription.maxDeliveryCount,
            seconds(subscription.defaultMessageTimeToLive),
            None,
            subscription.deadLetteringOnMessageExpiration,
            subscription.requiresSession,
            subscription.deadLetteringOnFilterEvaluationExceptions,
        )

    @property
    def of_dead_letters(self) -> "Properties":
        """Dead letters neither expire nor run out of deliveries, and have no sessions: they wait for their receiver."""
        return Properties(self.lock_duration, None, None, None, False, False)
