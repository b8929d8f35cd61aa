"""KEDA's kinds in a manifest: what is honoured, and what is an error that names its field."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from localcloud.cluster.errors import ManifestError
from localcloud.cluster.manifest import Manifests, read

SCALED_OBJECT: dict[str, Any] = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "ScaledObject",
    "metadata": {"name": "web", "namespace": "test"},
    "spec": {
        "scaleTargetRef": {"name": "web"},
        "triggers": [
            {
                "type": "azure-servicebus",
                "authenticationRef": {"name": "keda"},
                "metadata": {"namespace": "shop", "queueName": "jobs"},
            }
        ],
    },
}
AUTHENTICATION: dict[str, Any] = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "TriggerAuthentication",
    "metadata": {"name": "keda", "namespace": "test"},
    "spec": {"podIdentity": {"provider": "azure-workload", "identityId": "1234"}},
}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "test"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "command": ["web"]}]},
        },
    },
}

Change = Callable[[dict[str, Any], dict[str, Any]], object]


def with_change(change: Change) -> Manifests:
    scaled_object, authentication = copy.deepcopy(SCALED_OBJECT), copy.deepcopy(AUTHENTICATION)
    change(scaled_object, authentication)
    return read([DEPLOYMENT, scaled_object, authentication])


def trigger(scaled_object: dict[str, Any]) -> dict[str, Any]:
    only: dict[str, Any] = scaled_object["spec"]["triggers"][0]
    return only


def test_kedas_defaults_are_the_laptops() -> None:
    """https://keda.sh/docs/latest/reference/scaledobject-spec/ and the scaler's own page give them."""
    manifests = with_change(lambda _object, _authentication: None)
    spec = manifests.scaled_objects["web"].spec
    assert (spec.polling_interval, spec.cooldown_period, spec.initial_cooldown_period) == (30, 300, 0)
    assert (spec.min_replica_count, spec.max_replica_count) == (0, 100)
    [only] = spec.triggers
    assert (only.metadata.message_count, only.metadata.activation_message_count) == (5, 0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda o, _: o["spec"].update(fallback={"replicas": 1}), "spec.fallback: a field that is not known here"),
        (lambda o, _: o["spec"].update(pollingInterval=0), "spec.pollingInterval"),
        (lambda o, _: o["spec"].update(minReplicaCount=5, maxReplicaCount=4), "minReplicaCount is more than"),
        (lambda o, _: o["spec"].update(triggers=[]), "spec.triggers: at least one is needed"),
        (lambda o, _: o["spec"]["scaleTargetRef"].update(name="wbe"), "there is no Deployment wbe"),
        (lambda o, _: o["spec"]["scaleTargetRef"].update(kind="StatefulSet"), "spec.scaleTargetRef.kind"),
        (lambda o, _: trigger(o).update(type="kafka"), "spec.triggers[0].type"),
        (lambda o, _: trigger(o).pop("authenticationRef"), "authenticationRef is missing"),
        (lambda o, _: trigger(o)["authenticationRef"].update(name="kda"), "there is no TriggerAuthentication kda"),
        (lambda o, _: trigger(o)["metadata"].update(messageCount=5), "write it in quotes"),
        (lambda o, _: trigger(o)["metadata"].update(messageCount="0"), "messageCount"),
        (lambda o, _: trigger(o)["metadata"].pop("queueName"), "queueName, or topicName and subscriptionName"),
        (lambda o, _: trigger(o)["metadata"].update(topicName="t", subscriptionName="s"), "queueName, or topicName"),
        (lambda o, _: trigger(o)["metadata"].update(connectionFromEnv="KEY"), "connectionFromEnv: a field that is not"),
        (
            lambda o, _: o["metadata"].update(annotations={"autoscaling.keda.sh/paused": "true"}),
            "the annotation autoscaling.keda.sh/paused is not honoured here",
        ),
        (lambda _, a: a["spec"]["podIdentity"].update(provider="aws"), "spec.podIdentity.provider"),
        (lambda _, a: a["spec"]["podIdentity"].pop("identityId"), "spec.podIdentity.identityId is missing"),
        (lambda _, a: a["metadata"].update(namespace="other"), "there is no TriggerAuthentication keda"),
    ],
)
def test_what_is_not_honoured_is_an_error(change: Change, sentence: str) -> None:
    """Nothing is skipped in silence: the error names the field, or what is missing."""
    with pytest.raises(ManifestError) as error:
        with_change(change)
    assert sentence in str(error.value)
