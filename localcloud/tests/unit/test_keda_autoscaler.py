"""The numbers of replicas that KEDA and the HorizontalPodAutoscaler set, by a clock that the test moves."""

from typing import Any

import pytest
from localcloud.cluster.keda.autoscaler import Autoscaler
from localcloud.cluster.keda.manifests import ScaledObjectSpec

START = 1000.0


def spec(message_count: int = 5, activation: int = 0, **fields: Any) -> ScaledObjectSpec:
    metadata = {
        "namespace": "shop",
        "queueName": "jobs",
        "messageCount": str(message_count),
        "activationMessageCount": str(activation),
    }
    trigger = {"type": "azure-servicebus", "metadata": metadata, "authenticationRef": {"name": "keda"}}
    return ScaledObjectSpec.model_validate({"scaleTargetRef": {"name": "web"}, "triggers": [trigger], **fields})


@pytest.mark.parametrize(
    ("of", "replicas", "looks"),
    [
        pytest.param(spec(), 1, [(0, 0, 0)], id="nothing was ever active: it rests at once"),
        pytest.param(
            spec(initialCooldownPeriod=60), 1, [(0, 0, 1), (59, 0, 1), (60, 0, 0)], id="but after initialCooldownPeriod"
        ),
        pytest.param(spec(), 0, [(0, 0, 0), (1, 1, 1)], id="one message is more than activationMessageCount"),
        pytest.param(spec(activation=3), 0, [(0, 3, 0), (1, 4, 1)], id="only more than activationMessageCount counts"),
        pytest.param(spec(), 0, [(0, 9, 1), (1, 9, 2)], id="KEDA starts one, and the HPA goes on from there"),
        pytest.param(spec(minReplicaCount=2), 0, [(0, 0, 2)], id="never fewer than minReplicaCount"),
        pytest.param(spec(minReplicaCount=2), 0, [(0, 99, 2)], id="from zero at once to minReplicaCount"),
        pytest.param(spec(minReplicaCount=2), 2, [(0, 0, 2), (9999, 0, 2)], id="a minimum never rests"),
        pytest.param(spec(maxReplicaCount=3), 2, [(0, 999, 3)], id="never more than maxReplicaCount"),
        pytest.param(spec(), 2, [(0, 11, 2)], id="a tenth more than the target changes nothing"),
        pytest.param(spec(), 2, [(0, 12, 3)], id="more than a tenth does"),
        pytest.param(spec(), 1, [(0, 500, 5), (1, 500, 5), (15, 500, 10)], id="four more, or twice, in 15 s"),
        pytest.param(spec(), 8, [(0, 500, 16)], id="twice as many, if that is more than four more"),
        pytest.param(
            spec(), 4, [(0, 20, 4), (10, 5, 4), (299, 5, 4), (301, 5, 1)], id="the HPA goes down after five minutes"
        ),
        pytest.param(
            spec(cooldownPeriod=60), 3, [(0, 15, 3), (10, 0, 3), (60, 0, 3), (61, 0, 0)], id="KEDA goes to zero sooner"
        ),
        pytest.param(
            spec(cooldownPeriod=60),
            3,
            [(0, 15, 3), (50, 15, 3), (61, 0, 3), (110, 0, 3), (111, 0, 0)],
            id="cooldownPeriod begins with the last time that a trigger was active",
        ),
    ],
)
def test_the_replicas_follow_the_length(
    of: ScaledObjectSpec, replicas: int, looks: list[tuple[float, int, int]]
) -> None:
    """Each look is the seconds since the start, the queue's length, and the number of replicas after it."""
    autoscaler = Autoscaler(of, START)
    for seconds, length, expected in looks:
        replicas = autoscaler.decide([length], replicas, START + seconds).replicas
        assert replicas == expected, f"after {seconds} s"


def test_of_several_triggers_the_one_that_needs_most_counts() -> None:
    """The scale is the highest that a trigger asks for, and any one keeps the Deployment from resting."""
    one = spec().triggers[0]
    autoscaler = Autoscaler(spec().model_copy(update={"triggers": (one, one)}), START)
    assert autoscaler.decide([0, 8], 1, START).replicas == 2
    assert autoscaler.decide([15, 0], 2, START + 1).replicas == 3
    assert autoscaler.decide([0, 1], 3, START + 400).replicas == 1


@pytest.mark.parametrize(
    ("lengths", "replicas", "expected"),
    [
        ([None, None], 0, 0),
        ([None, None], 3, 3),
        ([None, 0], 3, 3),
        ([None, 1], 0, 1),
        ([None, 1], 3, 3),
        ([None, 20], 3, 4),
    ],
)
def test_a_length_that_cannot_be_read_takes_nothing_away(
    lengths: list[int | None], replicas: int, expected: int
) -> None:
    """The other triggers still add replicas. Without one that is active, nothing changes."""
    one = spec().triggers[0]
    autoscaler = Autoscaler(spec().model_copy(update={"triggers": (one, one)}), START)
    assert autoscaler.decide(lengths, replicas, START + 1000).replicas == expected


@pytest.mark.parametrize(
    ("length", "replicas", "logged"),
    [
        (1, 0, "Successfully updated ScaleTarget"),
        (0, 1, "Successfully set ScaleTarget replicas count to ScaledObject minReplicaCount"),
        (99, 1, ""),
        (0, 0, ""),
    ],
)
def test_the_operator_logs_its_own_steps_alone(length: int, replicas: int, logged: str) -> None:
    """KEDA writes about zero and some; what the HPA does stands in the HPA's events."""
    assert Autoscaler(spec(), START).decide([length], replicas, START).log == logged
