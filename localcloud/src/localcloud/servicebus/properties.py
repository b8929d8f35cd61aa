"""What a queue is like: https://learn.microsoft.com/azure/templates/microsoft.servicebus/namespaces/queues"""

from dataclasses import dataclass
from datetime import timedelta

from pydantic import TypeAdapter

from localcloud.authorization import messaging as access

_DURATION = TypeAdapter(timedelta)


@dataclass(frozen=True, slots=True)
class Properties:
    """A queue's properties; durations in seconds, nothing where there is no limit."""

    lock_duration: float
    max_delivery_count: int | None
    default_time_to_live: float | None
    duplicate_window: float | None
    dead_letters_expired: bool

    @classmethod
    def of(cls, queue: access.Queue) -> "Properties":
        """Raises `ValueError` for a duration that is not ISO 8601."""
        window = queue.duplicateDetectionHistoryTimeWindow
        return cls(
            _seconds(queue.lockDuration),
            queue.maxDeliveryCount,
            _seconds(queue.defaultMessageTimeToLive),
            None if window is None else _seconds(window),
            queue.deadLetteringOnMessageExpiration,
        )

    @property
    def of_dead_letters(self) -> "Properties":
        """Dead letters neither expire nor run out of deliveries: they wait for somebody to look at them."""
        return Properties(self.lock_duration, None, None, None, False)


def _seconds(duration: str) -> float:
    return _DURATION.validate_python(duration).total_seconds()
