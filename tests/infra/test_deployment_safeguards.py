"""Deployment Safeguards, which AKS Automatic always enforces, take every overlay, and refuse a bad manifest."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.infra.deployment_safeguards import SAFEGUARDS, Safeguard
from tests.infra.manifests import APPLIED, Object, rendered

JOBS = {"Container <redrive>", "Container <repair>", "Container <tests>"}
"""The containers of Jobs: they end by themselves, so no probe asks them. AKS warns of it, and does not refuse."""

Bad = Callable[[list[Object]], object]


@pytest.mark.parametrize("overlay", APPLIED)
@pytest.mark.parametrize("safeguard", SAFEGUARDS, ids=lambda safeguard: safeguard.name)
def test_every_overlay_is_taken_as_it_is(safeguard: Safeguard, overlay: str) -> None:
    """No policy refuses an object, and no mutator changes one; only a Job's missing probes are warned of."""
    said = list(safeguard.check(rendered(overlay)))
    assert [each for each in said if each.partition(" in your Pod")[0] not in JOBS] == []


def frontend(objects: list[Object]) -> Any:
    [found] = (item for item in objects if item["kind"] == "Deployment" and item["metadata"]["name"] == "frontend")
    return found["spec"]


def two_replicas(objects: list[Object]) -> Any:
    """The frontend with a number in its manifest, which an autoscaler has in its own."""
    frontend(objects)["replicas"] = 2
    return frontend(objects)


def container(objects: list[Object]) -> Any:
    return frontend(objects)["template"]["spec"]["containers"][0]


def budget(objects: list[Object]) -> Any:
    return next(item for item in objects if item["kind"] == "PodDisruptionBudget")["spec"]


def node(**spec: Any) -> Object:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "aks-1"}, "spec": spec}


def another_service(objects: list[Object]) -> None:
    service = copy.deepcopy(next(item for item in objects if item["kind"] == "Service"))
    service["metadata"]["name"] = "twin"
    objects.append(service)


def storage_class(provisioner: str) -> Object:
    metadata = {"name": "old"}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": metadata,
        "provisioner": provisioner,
    }


BAD: list[tuple[str, Bad, str]] = [
    ("Cannot edit individual nodes", lambda o: o.append(node()), "Tainting or labelling individual nodes"),
    ("Requests of CPU and memory", lambda o: container(o)["resources"].pop("requests"), "has no resource requests"),
    ("Requests of CPU and memory", lambda o: container(o)["resources"]["requests"].pop("cpu"), "no resource requests"),
    ("Requests of CPU and memory", lambda o: container(o).pop("resources"), "<frontend> has no resource requests"),
    ("Limits of CPU and memory", lambda o: container(o)["resources"].pop("limits"), "has no resource limits"),
    (
        "Anti-affinity or topology spread",
        lambda o: two_replicas(o)["template"]["spec"].pop("topologySpreadConstraints"),
        "Deployment with 2 replicas should have either podAntiAffinity or topologySpreadConstraints",
    ),
    (
        "Spread added",
        lambda o: frontend(o)["template"]["spec"].pop("topologySpreadConstraints"),
        "frontend gets a podAntiAffinity",
    ),
    (
        "No AKS specific labels",
        lambda o: frontend(o)["template"]["metadata"]["labels"].update({"kubernetes.azure.com/mode": "system"}),
        "Label kubernetes.azure.com is reserved for AKS use only",
    ),
    (
        "No AKS specific labels",
        lambda o: o[0]["metadata"].setdefault("labels", {}).update({"kubernetes.azure.com/managedby": "aks"}),
        "Label kubernetes.azure.com is reserved for AKS use only",
    ),
    (
        "Reserved system pool taints",
        lambda o: o.append(node(taints=[{"key": "CriticalAddonsOnly", "value": "true", "effect": "NoSchedule"}])),
        "Taint with key CriticalAddonsOnly is reserved",
    ),
    (
        "Readiness and liveness probes",
        lambda o: container(o).pop("livenessProbe"),
        "Container <frontend> in your Pod <frontend> has no livenessProbe. "
        "Required probes: readinessProbe, livenessProbe",
    ),
    ("Readiness and liveness probes", lambda o: container(o).pop("readinessProbe"), "has no readinessProbe"),
    (
        "CSI driver's storage classes",
        lambda o: o.append(storage_class("kubernetes.io/azure-disk")),
        "Storage class old use intree provisioner kubernetes.io/azure-disk is not allowed",
    ),
    ("CSI driver's storage classes", lambda o: o.append(storage_class("kubernetes.io/azure-file")), "azure-file"),
    ("Unique Service selectors", another_service, "same selector as service <frontend> in namespace <keyless>"),
    ("No latest image", lambda o: container(o).update(image="registry.example.com/a:latest"), "an explicit version"),
    ("No latest image", lambda o: container(o).update(image="registry.example.com:5000/a"), "an explicit version"),
    ("Accurate disruption budgets", lambda o: budget(o).update(maxUnavailable=0), "has maxUnavailable of 0"),
    ("Accurate disruption budgets", lambda o: budget(o).update(maxUnavailable="0%"), "has maxUnavailable of 0"),
    (
        "Accurate disruption budgets",
        lambda o: [
            each["spec"].update(minAvailable=2) or each["spec"].pop("maxUnavailable")
            for each in o
            if two_replicas(o) and each["kind"] == "PodDisruptionBudget"
        ],
        "Deployment <frontend> has 2 replica(s)",
    ),
    ("Budgets set to one", lambda o: budget(o).update(maxUnavailable="50%"), "gets maxUnavailable 1"),
    ("Resources raised", lambda o: container(o)["resources"]["requests"].update(cpu="50m"), "50m is raised to 100m"),
    ("Resources raised", lambda o: container(o)["resources"]["limits"].update(memory="64Mi"), "raised to 100Mi"),
    ("Resources raised", lambda o: container(o)["resources"]["requests"].update(memory="1Gi"), "lowered to its limit"),
    (
        "Root made read-only",
        lambda o: container(o)["securityContext"].pop("readOnlyRootFilesystem"),
        "<frontend> gets a read-only root file system",
    ),
]


@pytest.mark.parametrize(("name", "change", "sentence"), BAD, ids=[f"{name}-{n}" for n, (name, *_) in enumerate(BAD)])
def test_a_bad_manifest_is_refused(name: str, change: Bad, sentence: str) -> None:
    """One change to the overlay `aks` breaks one rule, which says so in Azure's words."""
    [safeguard] = (each for each in SAFEGUARDS if each.name == name)
    objects = copy.deepcopy(list(rendered("aks")))
    change(objects)
    said = [each for each in safeguard.check(objects) if each.partition(" in your Pod")[0] not in JOBS]
    assert [each for each in said if sentence in each]


def test_every_rule_is_shown_to_refuse() -> None:
    """A rule that no manifest breaks would hold nothing."""
    assert {name for name, *_ in BAD} == {safeguard.name for safeguard in SAFEGUARDS}
