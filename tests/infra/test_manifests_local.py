"""The local overlay: what the laptop runs is what the cluster is given, and it is filled in and current."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from localcloud.access import AccessModel, client_id
from localcloud.cluster.manifest import read
from localcloud.cluster.outputs import render_outputs
from localcloud.cluster.render import render
from localcloud.cluster.webhook import Refusal, WebhookSettings, mutate

ROOT = Path(__file__).parents[2]
LOCAL = ROOT / "k8s" / "overlays" / "local"
MODEL = AccessModel.load(ROOT / "infra" / "access.yaml")
SERVICES = ("frontend", "backend", "redrive")

Object = dict[str, Any]


@pytest.fixture(scope="module")
def objects() -> list[Object]:
    return asyncio.run(render(LOCAL))


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    return [item for item in objects if item["kind"] == kind]


def pod_templates(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    for item in of_kind(objects, "Deployment"):
        yield item["metadata"]["name"], item["spec"]["template"]
    for item in of_kind(objects, "CronJob"):
        yield item["metadata"]["name"], item["spec"]["jobTemplate"]["spec"]["template"]


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for below in value.values():
            yield from strings(below)
    elif isinstance(value, list):
        for below in value:
            yield from strings(below)
    elif isinstance(value, str):
        yield value


def test_the_outputs_are_current() -> None:
    """The overlay's outputs are what `localcloud outputs` prints for the access model."""
    assert (LOCAL / "outputs.yaml").read_text() == render_outputs(MODEL, "keyless")


def test_every_placeholder_is_filled_in(objects: list[Object]) -> None:
    """No value is left to be filled in by hand, and the outputs themselves are not applied."""
    assert [text for text in strings(objects) if "filled-in" in text] == []
    assert of_kind(objects, "ConfigMap") == []


def test_service_accounts_are_those_of_the_access_model(objects: list[Object]) -> None:
    """Namespace, name and client id of each service account agree with the model, for exactly the workloads here."""
    accounts = {
        (item["metadata"]["namespace"], item["metadata"]["name"]): item["metadata"]["annotations"]
        for item in of_kind(objects, "ServiceAccount")
    }
    assert accounts == {
        (MODEL.workloads[name].namespace, MODEL.workloads[name].serviceAccount): {
            "azure.workload.identity/client-id": client_id(name)
        }
        for name in SERVICES
    }


def test_every_pod_gets_its_own_identity(objects: list[Object]) -> None:
    """The webhook admits each workload's pods and gives them the client id of that workload alone."""
    accounts = {item["metadata"]["name"]: item for item in of_kind(objects, "ServiceAccount")}
    given = {}
    for name, template in pod_templates(objects):
        admitted = mutate(template, accounts[template["spec"]["serviceAccountName"]], WebhookSettings("tenant"))
        assert not isinstance(admitted, Refusal)
        (container,) = admitted["spec"]["containers"]
        given[name] = {item["name"]: item.get("value") for item in container["env"]}["AZURE_CLIENT_ID"]
    assert given == {name: client_id(name) for name in SERVICES}


def test_the_local_cluster_runs_all_of_it(objects: list[Object]) -> None:
    """Every field is honoured or known to mean nothing here, and one replica each is asked for."""
    manifests = read(objects)
    assert {name: item.spec.replicas for name, item in manifests.deployments.items()} == {"frontend": 1, "backend": 1}
    assert list(manifests.cron_jobs) == ["redrive"]
    assert list(manifests.services) == ["frontend"]


def test_pods_are_hardened(objects: list[Object]) -> None:
    """Non-root, read-only root, no capabilities, seccomp, no token of the API server, /tmp the only place to write."""
    for name, template in pod_templates(objects):
        pod = template["spec"]
        (container,) = pod["containers"]
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"], name  # noqa: S108
        assert all("emptyDir" in volume for volume in pod["volumes"]), name


def test_no_service_account_mounts_a_token_by_itself(objects: list[Object]) -> None:
    """Switched off at the account as well, for pods that forget it."""
    assert all(item["automountServiceAccountToken"] is False for item in of_kind(objects, "ServiceAccount"))


def test_the_namespace_enforces_the_restricted_standard(objects: list[Object]) -> None:
    """The API server itself refuses a pod that is less hardened."""
    (namespace,) = of_kind(objects, "Namespace")
    assert namespace["metadata"]["name"] == "keyless"
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_deployment_safeguards_hold(objects: list[Object]) -> None:
    """Requests of at least 100m and 100Mi, limits, spread, a tag that is not latest, probes, selectors of their own.

    https://learn.microsoft.com/azure/aks/deployment-safeguards
    """
    for name, template in pod_templates(objects):
        (container,) = template["spec"]["containers"]
        requests, limits = container["resources"]["requests"], container["resources"]["limits"]
        assert int(requests["cpu"].removesuffix("m")) >= 100, name
        assert int(requests["memory"].removesuffix("Mi")) >= 100, name
        assert limits.keys() == {"cpu", "memory"}, name
        assert template["spec"]["topologySpreadConstraints"], name
        _, _, tag = container["image"].partition(":")
        assert tag not in ("", "latest"), name
    for item in of_kind(objects, "Deployment"):
        (container,) = item["spec"]["template"]["spec"]["containers"]
        paths = {probe: container[probe]["httpGet"]["path"] for probe in container if probe.endswith("Probe")}
        assert paths == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    selectors = [str(item["spec"]["selector"]) for item in of_kind(objects, "Service")]
    assert len(selectors) == len(set(selectors))


def test_every_deployment_has_a_disruption_budget(objects: list[Object]) -> None:
    """A budget selects each Deployment's own pods, and nobody else's."""
    budgets = {
        item["metadata"]["name"]: item["spec"]["selector"]["matchLabels"]
        for item in of_kind(objects, "PodDisruptionBudget")
    }
    assert budgets == {
        item["metadata"]["name"]: item["spec"]["selector"]["matchLabels"] for item in of_kind(objects, "Deployment")
    }


def test_the_network_is_closed_but_for_what_is_named(objects: list[Object]) -> None:
    """All is denied first; then DNS, 443 and 5671 go out of every pod, and 8080 comes in to the frontend alone."""
    policies = {item["metadata"]["name"]: item["spec"] for item in of_kind(objects, "NetworkPolicy")}
    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    out = {
        (rule_port["protocol"], rule_port["port"])
        for spec in policies.values()
        for rule in spec.get("egress", [])
        for rule_port in rule["ports"]
    }
    assert out == {("UDP", 53), ("TCP", 53), ("TCP", 443), ("TCP", 5671)}
    into = {
        name: [rule_port["port"] for rule in spec["ingress"] for rule_port in rule["ports"]]
        for name, spec in policies.items()
        if "ingress" in spec
    }
    assert into == {"frontend": [8080]}
    assert policies["frontend"]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "frontend"}


def test_no_manifest_holds_a_credential(objects: list[Object]) -> None:
    """No Secret, no reference to one, no key and no connection string."""
    assert of_kind(objects, "Secret") == []
    text = str(objects).lower()
    for trace in ("secretkeyref", "secretref", "accountkey", "sharedaccesskey", "connectionstring", "client_secret"):
        assert trace not in text


def test_the_laptop_differs_from_the_base_in_little(objects: list[Object]) -> None:
    """The variables that differ from the base: loopback and the AMQP address; the rest comes from outputs."""
    base = {(item["kind"], item["metadata"]["name"]): item for item in asyncio.run(render(ROOT / "k8s" / "base"))}
    changed = {
        key: {
            item["name"]
            for item in _env(local)
            if item not in _env(base[key]) and "filled-in" not in _value(base[key], item["name"])
        }
        for local in objects
        for key in [(local["kind"], local["metadata"]["name"])]
        if _env(local)
    }
    assert changed == {
        ("Deployment", "frontend"): {"HTTP_HOST", "AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS"},
        ("Deployment", "backend"): {"HTTP_HOST", "AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS"},
        ("CronJob", "redrive"): {"AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS"},
    }


def _env(item: Object) -> list[Object]:
    templates = dict(pod_templates([item]))
    return [variable for template in templates.values() for variable in template["spec"]["containers"][0]["env"]]


def _value(item: Object, name: str) -> str:
    return next((str(variable.get("value")) for variable in _env(item) if variable["name"] == name), "")
