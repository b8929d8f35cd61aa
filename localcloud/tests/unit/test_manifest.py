"""Reading manifests for the local cluster: what is honoured, what is ignored by name, and what is an error."""

import copy
from pathlib import Path
from typing import Any

import pytest
from localcloud.cluster import fields, without_effect
from localcloud.cluster.errors import ManifestError
from localcloud.cluster.manifest import read

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "test"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "command": ["web"],
                        "env": [{"name": "HTTP_PORT", "value": "8080"}],
                        "ports": [{"name": "http", "containerPort": 8080}],
                        "readinessProbe": {"httpGet": {"port": "http"}},
                    }
                ]
            },
        },
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The deployment with one field set; `path` is below the pod's spec, `container.` below its container."""
    deployment = copy.deepcopy(DEPLOYMENT)
    pod = deployment["spec"]["template"]["spec"]
    *parents, last = path.split(".")
    target = pod
    for parent in parents:
        target = target["containers"][0] if parent == "container" else target.setdefault(parent, {})
    target[last] = value
    return deployment


def fault(manifest: dict[str, Any]) -> str:
    with pytest.raises(ManifestError) as error:
        read([manifest])
    return str(error.value)


def test_a_deployment_is_read() -> None:
    """What is honoured arrives, with Kubernetes' defaults, and nothing is ignored that is not there."""
    manifests = read([DEPLOYMENT])
    deployment = manifests.deployments["web"]
    assert deployment.spec.replicas == 1
    assert deployment.spec.template.spec.termination_grace_period_seconds == 30
    assert deployment.spec.template.spec.service_account_name == "default"
    assert manifests.ignored == []


def test_what_means_nothing_here_is_named() -> None:
    """Ignored fields and kinds are listed, each once, and the rest of the manifest is honoured."""
    manifest = changed("container.securityContext", {"readOnlyRootFilesystem": True})
    manifest["spec"]["template"]["spec"]["volumes"] = [{"name": "tmp", "emptyDir": {"sizeLimit": "1Mi"}}]
    manifest["spec"]["template"]["spec"]["containers"][0]["lifecycle"] = {"preStop": {"sleep": {"seconds": 5}}}
    manifests = read([manifest, {"kind": "NetworkPolicy", "metadata": {"name": "a"}}])
    assert manifests.ignored == [
        "NetworkPolicy",
        "containers.lifecycle.preStop.sleep",
        "containers.securityContext",
        "volumes.emptyDir.sizeLimit",
    ]
    assert manifests.deployments["web"].spec.template.spec.volumes[0].empty_dir is not None


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("hostNetwork", True, "spec.template.spec.hostNetwork"),
        ("container.workingDir", "/app", "spec.template.spec.containers[0].workingDir"),
        ("container.lifecycle", {"postStart": {}}, "spec.template.spec.containers[0].lifecycle"),
        (
            "container.env",
            [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
            "spec.template.spec.containers[0].env[0].valueFrom.secretKeyRef",
        ),
        ("volumes", [{"name": "v", "hostPath": {"path": "/"}}], "spec.template.spec.volumes[0].hostPath"),
    ],
)
def test_any_other_field_is_an_error_with_its_path(path: str, value: Any, where: str) -> None:
    """A field that is neither honoured nor listed as ignored stops the cluster, and is named."""
    message = fault(changed(path, value))
    assert message == f"Deployment/web: {where}: a field that is not known here"


def test_any_other_kind_is_an_error() -> None:
    """The kind and the object are named."""
    message = fault({"kind": "StatefulSet", "metadata": {"name": "db"}})
    assert message == "StatefulSet/db: the kind StatefulSet is not one that the local cluster runs"


def test_a_port_that_nobody_is_told_of_is_an_error() -> None:
    """A containerPort is moved to a free port, so there must be a variable that says which."""
    message = fault(changed("container.env", [{"name": "PORTS", "value": "8080"}]))
    assert "containerPort 8080 cannot be moved to a free port" in message
    assert "_PORT" in message


def test_a_mount_needs_its_volume() -> None:
    """A mount of a volume that is not declared is an error."""
    message = fault(changed("container.volumeMounts", [{"name": "scratch", "mountPath": "/scratch"}]))
    assert "there is no volume 'scratch'" in message


def test_a_probe_needs_a_declared_port() -> None:
    """A probe of a port that the container does not declare is an error."""
    assert "port admin" in fault(changed("container.readinessProbe", {"httpGet": {"port": "admin"}}))


def test_an_init_container_has_no_probes() -> None:
    """As in Kubernetes, a probe of a container that ends before the others start is refused."""
    container = DEPLOYMENT["spec"]["template"]["spec"]["containers"][0]
    assert "an init container has no probes" in fault(changed("initContainers", [container | {"name": "prepare"}]))


def test_a_wrong_value_is_an_error_with_its_path() -> None:
    """Types are checked as the API server checks them: a variable's value is a string."""
    message = fault(changed("container.env", [{"name": "HTTP_PORT", "value": 8080}]))
    assert message.startswith("Deployment/web: spec.template.spec.containers[0].env[0].value: ")


def test_a_selector_must_match_its_template() -> None:
    """As in Kubernetes, a Deployment whose selector misses its own pods is refused."""
    manifest = copy.deepcopy(DEPLOYMENT)
    manifest["spec"]["selector"]["matchLabels"] = {"app": "other"}
    assert "selector" in fault(manifest)


def test_a_cron_job_must_be_suspended() -> None:
    """A schedule is not kept here, so only a CronJob that is started by hand is taken."""
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "command": ["c"]}]}}
    manifest = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "nightly"},
        "spec": {"schedule": "@daily", "suspend": False, "jobTemplate": {"spec": {"template": template}}},
    }
    assert "spec.suspend" in fault(manifest)


def test_the_documentation_has_the_lists() -> None:
    """The page ends with the lists as the code prints them: honoured and ignored fields, and ignored kinds."""
    page = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text()
    printed = fields.markdown()
    assert page.endswith(printed)
    assert "`spec.containers[].readinessProbe.httpGet.path`" in printed
    assert "`spec.containers[].securityContext`" in printed
    assert "PodDisruptionBudget" in printed


def test_every_field_without_effect_has_its_reason() -> None:
    """The file that lists them gives a reason for each field and kind that is ignored by name, and for no other."""
    ignored = {path.rpartition(".")[2].replace("[]", "") for paths in fields.IGNORED.values() for path in paths}
    assert set(without_effect.explained()) == ignored | set(fields.IGNORED_KINDS)
