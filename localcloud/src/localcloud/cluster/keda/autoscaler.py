"""How many replicas there should be: KEDA between none and some, the HorizontalPodAutoscaler between one and many.

Sources: https://keda.sh/docs/latest/concepts/scaling-deployments/, KEDA's pkg/scaling/executor/scale_scaledobjects.go,
and https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from localcloud.cluster.keda.manifests import ScaledObjectSpec

# The HorizontalPodAutoscaler's defaults.
_TOLERANCE = 0.1
_SCALE_DOWN_WINDOW = 300.0  # seconds
_SCALE_UP_PERIOD = 15.0  # seconds, in which it adds at most _SCALE_UP_PODS, or doubles what was there
_SCALE_UP_PODS = 4


@dataclass(frozen=True, slots=True)
class Decision:
    """The number of replicas from now on, and what KEDA's operator logs about it; the log is empty if it says nothing.

    The HorizontalPodAutoscaler writes no line to KEDA's log.
    """

    replicas: int
    log: str = ""


class Autoscaler:
    """Decides for one ScaledObject. Times are in seconds; `created` is when the ScaledObject was."""

    def __init__(self, spec: ScaledObjectSpec, created: float) -> None:
        self._spec = spec
        self._created = created
        self._last_active: float | None = None
        self._recommended: deque[tuple[float, int]] = deque()
        self._added: deque[tuple[float, int]] = deque()

    def decide(self, lengths: Sequence[int | None], replicas: int, now: float) -> Decision:
        """Return the decision for the lengths of the triggers' queues, in the triggers' order.

        A length that can't be read is `None`. Then nothing is taken away, and nothing rests.
        """
        if self._is_active(lengths):
            self._last_active = now
            if replicas == 0:
                return Decision(max(1, self._spec.min_replica_count), "Successfully updated ScaleTarget")
        elif None in lengths:
            return Decision(replicas)
        elif self._may_rest(replicas, now):
            self._recommended.clear()
            return Decision(0, "Successfully set ScaleTarget replicas count to ScaledObject minReplicaCount")
        elif replicas < self._spec.min_replica_count:
            return Decision(
                self._spec.min_replica_count,
                "Successfully set ScaleTarget replicas count to ScaledObject minReplicaCount",
            )
        return Decision(self._scaled(lengths, replicas, now) if replicas else 0)

    def _is_active(self, lengths: Sequence[int | None]) -> bool:
        activations = [trigger.metadata.activation_message_count for trigger in self._spec.triggers]
        pairs = zip(lengths, activations, strict=True)
        return any(length is not None and length > activation for length, activation in pairs)

    def _may_rest(self, replicas: int, now: float) -> bool:
        """Whether it goes to zero: no trigger was active for `cooldownPeriod`, or none ever was."""
        if replicas == 0 or self._spec.min_replica_count > 0:
            return False
        if self._last_active is None:
            return now >= self._created + self._spec.initial_cooldown_period
        return now > self._last_active + self._spec.cooldown_period

    def _scaled(self, lengths: Sequence[int | None], replicas: int, now: float) -> int:
        """What the HorizontalPodAutoscaler makes of it, which KEDA gives at least one replica."""
        targets = [trigger.metadata.message_count for trigger in self._spec.triggers]
        pairs = zip(lengths, targets, strict=True)
        desired = max(replicas if length is None else _desired(length, target, replicas) for length, target in pairs)
        self._recommended.append((now, desired))
        _forget(self._recommended, now - _SCALE_DOWN_WINDOW)
        if desired < replicas:
            desired = min(replicas, max(number for _, number in self._recommended))
        _forget(self._added, now - _SCALE_UP_PERIOD)
        before = replicas - sum(number for _, number in self._added)
        desired = min(desired, max(before + _SCALE_UP_PODS, 2 * before, replicas))
        desired = min(max(desired, self._spec.min_replica_count, 1), self._spec.max_replica_count)
        if desired > replicas:
            self._added.append((now, desired - replicas))
        return desired


def _desired(length: int, target: int, replicas: int) -> int:
    """The number at which each replica has `target` messages; as it is if that is nearly so already."""
    if 1 - _TOLERANCE <= length / (target * replicas) <= 1 + _TOLERANCE:
        return replicas
    return math.ceil(length / target)


def _forget(history: deque[tuple[float, int]], before: float) -> None:
    while history and history[0][0] <= before:
        history.popleft()
