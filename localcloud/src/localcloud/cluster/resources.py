"""The fields that the local cluster honours, as types. Other fields are ignored by name (`fields.py`) or an error.

Names and meanings are those of the Kubernetes API 1.36
(https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.36/).
"""

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Port = Annotated[int, Field(ge=1, le=65535)]
Item = TypeVar("Item")


def _some(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Checked after the items, so that a fault in an item is not also reported as an empty list."""
    if not items:
        raise ValueError("at least one is needed")
    return items


Some = Annotated[tuple[Item, ...], AfterValidator(_some)]


class _Honoured(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Metadata(_Honoured):
    name: str = ""
    generate_name: str = ""
    namespace: str = "default"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class FieldRef(_Honoured):
    field_path: Literal["metadata.name", "metadata.namespace", "metadata.uid"]


class ConfigMapKeyRef(_Honoured):
    name: str
    key: str
    optional: bool = False


class ValueFrom(_Honoured):
    field_ref: FieldRef | None = None
    config_map_key_ref: ConfigMapKeyRef | None = None


class EnvVar(_Honoured):
    name: str
    value: str = ""
    value_from: ValueFrom | None = None


class ConfigMapRef(_Honoured):
    name: str
    optional: bool = False


class EnvFrom(_Honoured):
    prefix: str = ""
    config_map_ref: ConfigMapRef


class ContainerPort(_Honoured):
    name: str = ""
    container_port: Port
    protocol: Literal["TCP"] = "TCP"


class HttpGet(_Honoured):
    path: str = "/"
    port: Port | str
    scheme: Literal["HTTP"] = "HTTP"


class Probe(_Honoured):
    """Times in seconds."""

    http_get: HttpGet
    initial_delay_seconds: int = 0
    period_seconds: Annotated[int, Field(ge=1)] = 10
    timeout_seconds: Annotated[int, Field(ge=1)] = 1
    success_threshold: Annotated[int, Field(ge=1)] = 1
    failure_threshold: Annotated[int, Field(ge=1)] = 3


class VolumeMount(_Honoured):
    name: str
    mount_path: Annotated[str, Field(pattern="^/.")]
    read_only: bool = False


class Container(_Honoured):
    name: str
    command: Some[str]  # there is no image whose entry point could stand in
    args: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFrom, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    startup_probe: Probe | None = None
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    volume_mounts: tuple[VolumeMount, ...] = ()


class ServiceAccountToken(_Honoured):
    path: str
    audience: str = ""
    expiration_seconds: Annotated[int, Field(ge=600)] = 3600


class KeyToPath(_Honoured):
    key: str
    path: str


class ProjectedConfigMap(_Honoured):
    name: str
    items: tuple[KeyToPath, ...]
    optional: bool = False


class ProjectedSource(_Honoured):
    service_account_token: ServiceAccountToken | None = None
    config_map: ProjectedConfigMap | None = None


class Projected(_Honoured):
    sources: tuple[ProjectedSource, ...] = ()


class EmptyDir(_Honoured):
    pass


class Volume(_Honoured):
    name: str
    empty_dir: EmptyDir | None = None
    projected: Projected | None = None


class PodSpec(_Honoured):
    service_account_name: str = "default"
    init_containers: tuple[Container, ...] = ()
    containers: Some[Container]
    volumes: tuple[Volume, ...] = ()
    restart_policy: Literal["Always", "OnFailure", "Never"] = "Always"
    termination_grace_period_seconds: Annotated[int, Field(ge=0)] = 30


class PodTemplate(_Honoured):
    metadata: Metadata = Metadata()
    spec: PodSpec


class _Object(_Honoured):
    api_version: str
    kind: str
    metadata: Metadata


class LabelSelector(_Honoured):
    match_labels: Annotated[dict[str, str], Field(min_length=1)]


class DeploymentSpec(_Honoured):
    replicas: Annotated[int, Field(ge=0)] = 1
    progress_deadline_seconds: Annotated[int, Field(ge=1)] = 600
    selector: LabelSelector
    template: PodTemplate


class Deployment(_Object):
    spec: DeploymentSpec


class JobSpec(_Honoured):
    backoff_limit: Annotated[int, Field(ge=0)] = 6
    template: PodTemplate


class JobTemplate(_Honoured):
    metadata: Metadata = Metadata()
    spec: JobSpec


class CronJobSpec(_Honoured):
    suspend: Literal[True]  # it is started by hand: there is no clock here that would start it
    job_template: JobTemplate


class CronJob(_Object):
    spec: CronJobSpec


class ServicePort(_Honoured):
    name: str = ""
    port: Port
    target_port: Port | str | None = None
    protocol: Literal["TCP"] = "TCP"
    app_protocol: Literal["http"]  # see `service.py`


class ServiceSpec(_Honoured):
    type: Literal["ClusterIP"] = "ClusterIP"
    selector: Annotated[dict[str, str], Field(min_length=1)]
    ports: Annotated[Some[ServicePort], Field(max_length=1)]


class Service(_Object):
    spec: ServiceSpec


class ServiceAccount(_Object):
    pass


class ConfigMap(_Object):
    data: dict[str, str] = {}


class PolicyRule(_Honoured):
    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    verbs: Some[str]


class ClusterRole(_Object):
    rules: tuple[PolicyRule, ...] = ()


class RoleRef(_Honoured):
    api_group: Literal["rbac.authorization.k8s.io"] = "rbac.authorization.k8s.io"
    kind: Literal["ClusterRole"]
    name: str


class RoleSubject(_Honoured):
    api_group: str = ""
    kind: Literal["ServiceAccount", "User", "Group"]
    name: str
    namespace: str = ""


class ClusterRoleBinding(_Object):
    role_ref: RoleRef
    subjects: tuple[RoleSubject, ...] = ()
