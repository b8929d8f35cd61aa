"""Every manifest is safer than it must be: what is held here goes beyond AKS's Deployment Safeguards, in every overlay.

Those are in `test_deployment_safeguards.py`. Here are the Pod Security Standard `restricted`
(https://kubernetes.io/docs/concepts/security/pod-security-standards/), probes, spreading of Jobs too, and disruptions.
"""

from itertools import chain

import pytest

from tests.infra.manifests import APPLIED, OVERLAYS, Object, of_kind, pod_templates

POD_VOLUMES = {"configMap", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected"}
SAFE_SYSCTLS = {"net.ipv4.ip_unprivileged_port_start"}

every_overlay = pytest.mark.parametrize("overlay", APPLIED)


def pods(overlay: str) -> list[tuple[str, Object]]:
    return [(f"{namespace}/{name}", template["spec"]) for namespace, name, template in pod_templates(overlay)]


def containers(overlay: str) -> list[tuple[str, Object]]:
    return [
        (name, container)
        for name, pod in pods(overlay)
        for container in chain(pod["containers"], pod.get("initContainers", []))
    ]


@every_overlay
def test_what_serves_is_probed(overlay: str) -> None:
    """Each Deployment's container has the three probes; the services' are the paths that are not public."""
    for item in of_kind(overlay, "Deployment"):
        (container,) = item["spec"]["template"]["spec"]["containers"]
        probes = {probe: container[probe] for probe in container if probe.endswith("Probe")}
        assert probes.keys() == {"startupProbe", "livenessProbe", "readinessProbe"}
        if item["metadata"]["namespace"] == "keyless":
            paths = {probe: asked["httpGet"]["path"] for probe, asked in probes.items()}
            assert paths == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}


@every_overlay
def test_pods_are_spread(overlay: str) -> None:
    """Each pod is spread over nodes, by a constraint that counts its own pods."""
    for namespace, name, template in pod_templates(overlay):
        labels = template["metadata"]["labels"]
        constraints = template["spec"]["topologySpreadConstraints"]
        assert "kubernetes.io/hostname" in {constraint["topologyKey"] for constraint in constraints}, (namespace, name)
        for constraint in constraints:
            assert constraint["labelSelector"]["matchLabels"].items() <= labels.items(), (namespace, name)


@every_overlay
def test_every_deployment_of_the_application_has_a_disruption_budget(overlay: str) -> None:
    """A budget selects each Deployment's own pods, and no others."""
    budgets = {
        item["metadata"]["name"]: item["spec"]["selector"]["matchLabels"]
        for item in of_kind(overlay, "PodDisruptionBudget")
    }
    assert budgets == {
        item["metadata"]["name"]: item["spec"]["selector"]["matchLabels"]
        for item in of_kind(overlay, "Deployment")
        if item["metadata"]["namespace"] == "keyless"
    }


@every_overlay
def test_every_service_selects_its_own_pods(overlay: str) -> None:
    """Those of the Deployment of its name, and no others."""
    for item in of_kind(overlay, "Service"):
        selected = [
            name
            for namespace, name, template in pod_templates(overlay)
            if namespace == item["metadata"]["namespace"]
            and item["spec"]["selector"].items() <= template["metadata"]["labels"].items()
        ]
        assert selected == [item["metadata"]["name"]]


@every_overlay
def test_no_pod_is_among_those_that_keep_the_system_running(overlay: str) -> None:
    """No pod tolerates the system pool's taint or names its node."""
    for name, pod in pods(overlay):
        assert "tolerations" not in pod, name
        assert "nodeName" not in pod, name


@every_overlay
def test_pods_meet_the_restricted_standard(overlay: str) -> None:
    """Non-root, seccomp, no capabilities, no way up, nothing of the host, volumes of the allowed kinds only."""
    for name, pod in pods(overlay):
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True, name
        assert context["runAsUser"] > 0, name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert {sysctl["name"] for sysctl in context.get("sysctls", [])} <= SAFE_SYSCTLS, name
        assert not [field for field in ("hostNetwork", "hostPID", "hostIPC") if pod.get(field)], name
        assert {kind for volume in pod["volumes"] for kind in volume if kind != "name"} <= POD_VOLUMES, name
    for name, container in containers(overlay):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert not [port for port in container.get("ports", []) if "hostPort" in port], name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_namespace_enforces_its_standard(overlay: str) -> None:
    """The API server refuses a pod that is less hardened; only the Gateway's proxies, which we don't make, get less."""
    enforced = {
        item["metadata"]["name"]: item["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for item in of_kind(overlay, "Namespace")
    }
    expected = {namespace: "restricted" for namespace, _, _ in pod_templates(overlay)}
    if of_kind(overlay, "Gateway"):
        expected["keyless-gateway"] = "baseline"
    assert enforced == expected


@every_overlay
def test_no_pod_has_a_token_for_the_api_server(overlay: str) -> None:
    """Switched off in every pod, and at every account for pods that forget it."""
    assert all(pod["automountServiceAccountToken"] is False for _, pod in pods(overlay))
    assert all(item["automountServiceAccountToken"] is False for item in of_kind(overlay, "ServiceAccount"))


@every_overlay
def test_services_write_to_tmp_alone(overlay: str) -> None:
    """The temporary folder is the only place in a service's container that can be written to."""
    for namespace, name, template in pod_templates(overlay):
        (container,) = template["spec"]["containers"]
        writable = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
        assert writable == (["/tmp"] if namespace == "keyless" else ["/state", "/tmp"]), name  # noqa: S108
