"""Read and check rendered objects. An unknown kind or field is an error that names its path."""

from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from localcloud.cluster import corrections, fields
from localcloud.cluster.errors import ManifestError
from localcloud.cluster.keda.manifests import ScaledObject, TriggerAuthentication
from localcloud.cluster.keda.manifests import faults as scaling_faults
from localcloud.cluster.resources import (
    ClusterRole,
    ClusterRoleBinding,
    ConfigMap,
    CronJob,
    Deployment,
    PodTemplate,
    Service,
    ServiceAccount,
)
from localcloud.cluster.sources import Field, Sources


@dataclass(frozen=True)
class Manifests:
    """The overlay's objects by name; service accounts, config maps and authentications by namespace and name.

    `ignored` lists the fields and kinds that have no effect here, sorted and without repeats.
    """

    deployments: dict[str, Deployment] = field(default_factory=dict)
    cron_jobs: dict[str, CronJob] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    service_accounts: dict[tuple[str, str], ServiceAccount] = field(default_factory=dict)
    config_maps: dict[tuple[str, str], ConfigMap] = field(default_factory=dict)
    scaled_objects: dict[str, ScaledObject] = field(default_factory=dict)
    trigger_authentications: dict[tuple[str, str], TriggerAuthentication] = field(default_factory=dict)
    cluster_roles: dict[str, ClusterRole] = field(default_factory=dict)
    cluster_role_bindings: dict[str, ClusterRoleBinding] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)


def read(objects: list[dict[str, Any]], sources: Sources | None = None) -> Manifests:
    """Raises `ManifestError`, which names the file and the line of each fault that `sources` has."""
    manifests = Manifests()
    ignored: set[str] = set()
    faults: list[str] = []
    for manifest in objects:
        kind = str(manifest.get("kind"))
        name = str((manifest.get("metadata") or {}).get("name"))
        if kind in fields.IGNORED_KINDS:
            ignored.add(kind)
        elif kind not in fields.HONOURED:
            what = f"the kind {kind} is not one that the local cluster runs"
            faults.append(_fault(sources, kind, name, what, ("kind",)))
        else:
            stripped, unused = fields.strip(kind, manifest)
            ignored.update(unused)
            try:
                _add(manifests, fields.HONOURED[kind].model_validate(stripped))
            except ValidationError as error:
                model = fields.HONOURED[kind]
                faults += [
                    _fault(sources, kind, name, corrections.of_field(fault, model), fault["loc"])
                    for fault in error.errors()
                ]
    for kind, name, template in _templates(manifests):
        faults += [_fault(sources, kind, name, fault) for fault in _template_faults(template)]
    faults += [_fault(sources, "Deployment", name, fault) for name, fault in _selector_faults(manifests)]
    scaling = scaling_faults(
        manifests.scaled_objects.values(), manifests.deployments, manifests.trigger_authentications
    )
    faults += [_fault(sources, "ScaledObject", name, fault) for name, fault in scaling]
    if faults:
        raise ManifestError("\n".join(faults))
    manifests.ignored.extend(sorted(_short(ignored)))
    return manifests


def _fault(sources: Sources | None, kind: str, name: str, what: str, field: Field = ()) -> str:
    place = sources.place(kind, name, field) if sources else None
    return f"{f'{place}: ' if place else ''}{kind}/{name}: {what}"


def _add(manifests: Manifests, item: Any) -> None:
    match item:
        case Deployment():
            manifests.deployments[item.metadata.name] = item
        case CronJob():
            manifests.cron_jobs[item.metadata.name] = item
        case Service():
            manifests.services[item.metadata.name] = item
        case ServiceAccount():
            manifests.service_accounts[item.metadata.namespace, item.metadata.name] = item
        case ConfigMap():
            manifests.config_maps[item.metadata.namespace, item.metadata.name] = item
        case ScaledObject():
            manifests.scaled_objects[item.metadata.name] = item
        case TriggerAuthentication():
            manifests.trigger_authentications[item.metadata.namespace, item.metadata.name] = item
        case ClusterRole():
            manifests.cluster_roles[item.metadata.name] = item
        case ClusterRoleBinding():
            manifests.cluster_role_bindings[item.metadata.name] = item


def _templates(manifests: Manifests) -> list[tuple[str, str, PodTemplate]]:
    deployments = [("Deployment", name, item.spec.template) for name, item in manifests.deployments.items()]
    jobs = [("CronJob", name, item.spec.job_template.spec.template) for name, item in manifests.cron_jobs.items()]
    return deployments + jobs


def _template_faults(template: PodTemplate) -> list[str]:
    """Return the faults that types do not show: a name that does not exist, a moved port that no variable names."""
    faults = []
    volumes = {volume.name for volume in template.spec.volumes}
    for container in (*template.spec.init_containers, *template.spec.containers):
        faults += [
            f"container {container.name}: there is no volume {mount.name!r}"
            for mount in container.volume_mounts
            if mount.name not in volumes
        ]
        told = {variable.value for variable in container.env if variable.name.endswith("_PORT")}
        faults += [
            f"container {container.name}: containerPort {port.container_port} cannot be moved to a free port: "
            f'no variable whose name ends in _PORT has the value "{port.container_port}"'
            for port in container.ports
            if str(port.container_port) not in told
        ]
        ports = {key for port in container.ports for key in (port.name, port.container_port) if key}
        probes = (container.startup_probe, container.liveness_probe, container.readiness_probe)
        faults += [
            f"container {container.name}: a probe asks port {probe.http_get.port}, which the container does not declare"
            for probe in probes
            if probe and probe.http_get.port not in ports
        ]
        if container in template.spec.init_containers and any(probes):
            faults.append(f"container {container.name}: an init container has no probes")
    return faults


def _selector_faults(manifests: Manifests) -> list[tuple[str, str]]:
    return [
        (name, "spec.selector does not match the template's labels")
        for name, deployment in manifests.deployments.items()
        if not deployment.spec.selector.match_labels.items() <= deployment.spec.template.metadata.labels.items()
    ]


def _short(paths: set[str]) -> set[str]:
    """Return each path below the pod's or the object's `spec`, which is the part that a reader looks for."""
    return {path.rpartition("spec.")[2].replace("[]", "") for path in paths}
