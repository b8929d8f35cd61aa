"""KEDA's kinds, as far as they are honoured here. Another field, trigger or provider is an error that names its path.

Names, meanings and defaults: https://keda.sh/docs/latest/reference/scaledobject-spec/ and
https://keda.sh/docs/latest/scalers/azure-service-bus/
"""

from collections.abc import Collection, Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, Field, field_validator, model_validator

from localcloud.cluster.resources import Metadata, Some

Seconds = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]


class _Honoured(BaseModel):
    model_config = Metadata.model_config


class TriggerPodIdentity(_Honoured):
    provider: Literal["azure-workload"]
    identity_id: Annotated[str, Field(min_length=1)]  # without it, KEDA would use an identity of the whole operator


class TriggerAuthenticationSpec(_Honoured):
    pod_identity: TriggerPodIdentity


class TriggerAuthentication(_Honoured):
    api_version: Literal["keda.sh/v1alpha1"]
    kind: Literal["TriggerAuthentication"]
    metadata: Metadata
    spec: TriggerAuthenticationSpec


class ScaleTargetRef(_Honoured):
    api_version: Literal["apps/v1"] = "apps/v1"
    kind: Literal["Deployment"] = "Deployment"
    name: str


class ServiceBusMetadata(_Honoured):
    """`message_count` is the target for each replica; with more than `activation_message_count` there is work at all.

    All of them are text in a manifest, numbers too.
    """

    namespace: str  # the first label of its host name
    queue_name: str = ""
    topic_name: str = ""
    subscription_name: str = ""
    message_count: Annotated[int, Field(ge=1)] = 5
    activation_message_count: Count = 0

    @field_validator("message_count", "activation_message_count", mode="before")
    @classmethod
    def _is_text(cls, value: object) -> object:
        if not isinstance(value, str):
            raise ValueError("a trigger's metadata is text: write it in quotes")
        return value

    @model_validator(mode="after")
    def _names_one_entity(self) -> "ServiceBusMetadata":
        subscription = bool(self.topic_name and self.subscription_name)
        if bool(self.queue_name) == subscription or bool(self.topic_name) != bool(self.subscription_name):
            raise ValueError("queueName, or topicName and subscriptionName, is needed")
        return self


class AuthenticationRef(_Honoured):
    name: str


class Trigger(_Honoured):
    type: Literal["azure-servicebus"]
    metadata: ServiceBusMetadata
    authentication_ref: AuthenticationRef


class ScaledObjectSpec(_Honoured):
    scale_target_ref: ScaleTargetRef
    polling_interval: Annotated[int, Field(ge=1)] = 30
    cooldown_period: Seconds = 300
    initial_cooldown_period: Seconds = 0
    min_replica_count: Count = 0
    max_replica_count: Annotated[int, Field(ge=1)] = 100
    triggers: Some[Trigger]

    @model_validator(mode="after")
    def _has_room(self) -> "ScaledObjectSpec":
        if self.min_replica_count > self.max_replica_count:
            raise ValueError("minReplicaCount is more than maxReplicaCount")
        return self


class ScaledObject(_Honoured):
    api_version: Literal["keda.sh/v1alpha1"]
    kind: Literal["ScaledObject"]
    metadata: Metadata
    spec: ScaledObjectSpec

    @field_validator("metadata")
    @classmethod
    def _is_not_paused(cls, metadata: Metadata) -> Metadata:
        """KEDA reads annotations that pause it or force it."""
        for name in metadata.annotations:
            if name.startswith("autoscaling.keda.sh/"):
                raise ValueError(f"the annotation {name} is not honoured here")
        return metadata


def faults(
    scaled_objects: Iterable[ScaledObject], deployments: Collection[str], authentications: Collection[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return what is named and does not exist, as pairs of a ScaledObject's name and a sentence."""
    found = []
    for item in scaled_objects:
        target = item.spec.scale_target_ref.name
        if target not in deployments:
            found.append((item.metadata.name, f"spec.scaleTargetRef.name: there is no Deployment {target}"))
        for trigger in item.spec.triggers:
            name = trigger.authentication_ref.name
            if (item.metadata.namespace, name) not in authentications:
                found.append((item.metadata.name, f"spec.triggers: there is no TriggerAuthentication {name}"))
    return found
