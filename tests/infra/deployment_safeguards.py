"""AKS's Deployment Safeguards as predicates over manifests: what Azure's policies refuse, and what they change.

The rules and their sentences: https://learn.microsoft.com/azure/aks/deployment-safeguards, the article of 2026-01-29.
The definitions: the initiative c047ea8e-9c78-49b2-958b-37e56d291a44, version 1.7.0-preview, of
https://github.com/Azure/azure-policy (built-in-policies/policySetDefinitions/Kubernetes/AKS_Safeguards.json). Azure
serves their Gatekeeper templates from a store of its own and no package has them, so they are written here again.

Left out: the allowed images, whose pattern a cluster gives, and two preview definitions of the initiative that the
article does not name. One wants image pull secrets, of which there are none here since the kubelet's identity pulls.
The other wants a preStop hook in each Deployment.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from tests.infra.manifests import Object

Objects = Sequence[Object]
Check = Callable[[Objects], Iterator[str]]

_CONTROLLERS = ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")
_REQUIRED_PROBES = ("readinessProbe", "livenessProbe")
_UNITS = {"m": 0.001, "": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


@dataclass(frozen=True, slots=True)
class Safeguard:
    """One of Azure's policies. `check` yields a sentence for each violation; `definition` is the policy's id.

    A mutator refuses nothing: in `Enforce` it changes the object, and the sentence says what.
    """

    name: str
    definition: str
    check: Check
    mutates: bool = False


def _requests(objects: Objects) -> Iterator[str]:
    for _, container in _containers(objects):
        requests = container.get("resources", {}).get("requests", {})
        if not {"cpu", "memory"} <= requests.keys():
            yield f"container <{container['name']}> has no resource requests"


def _limits(objects: Objects) -> Iterator[str]:
    for _, container in _containers(objects):
        limits = container.get("resources", {}).get("limits", {})
        if not {"cpu", "memory"} <= limits.keys():
            yield f"container <{container['name']}> has no resource limits"


def _resources_are_raised(objects: Objects) -> Iterator[str]:
    for _, container in _containers(objects):
        resources = container.get("resources", {})
        requests, limits = resources.get("requests", {}), resources.get("limits", {})
        for resource, least in (("cpu", "100m"), ("memory", "100Mi")):
            for given in (requests, limits):
                if resource in given and _quantity(given[resource]) < _quantity(least):
                    yield f"container <{container['name']}>: {resource} {given[resource]} is raised to {least}"
            if {resource} <= requests.keys() & limits.keys() and _quantity(requests[resource]) > _quantity(
                limits[resource]
            ):
                yield f"container <{container['name']}>: the request of {resource} is lowered to its limit"


def _anti_affinity(objects: Objects) -> Iterator[str]:
    for item in objects:
        replicas = item.get("spec", {}).get("replicas", 1) if item["kind"] in _CONTROLLERS else 1
        if replicas > 1 and not _is_spread(item["spec"]["template"]["spec"]):
            yield (
                f"{item['kind']} with {replicas} replicas should have either podAntiAffinity or "
                "topologySpreadConstraints set to avoid disruptions due to nodes crashing"
            )


def _spread_is_added(objects: Objects) -> Iterator[str]:
    for name, template in _templates(objects):
        if not _is_spread(template["spec"]):
            yield f"{name} gets a podAntiAffinity and topologySpreadConstraints"


def _labels(objects: Objects) -> Iterator[str]:
    labelled = [*(item["metadata"] for item in objects), *(template["metadata"] for _, template in _templates(objects))]
    for metadata in labelled:
        if any(label.startswith("kubernetes.azure.com") for label in metadata.get("labels", {})):
            yield "Label kubernetes.azure.com is reserved for AKS use only"


def _nodes(objects: Objects) -> Iterator[str]:
    for item in objects:
        if item["kind"] == "Node":
            yield (
                "Tainting or labelling individual nodes is not recommended. "
                "Please use AZ cli to taint/label nodepools instead"
            )


def _taints(objects: Objects) -> Iterator[str]:
    for item in objects:
        taints = item["spec"].get("taints", []) if item["kind"] == "Node" else []
        if any(taint["key"] == "CriticalAddonsOnly" for taint in taints):
            yield "Taint with key CriticalAddonsOnly is reserved for the system pool only"


def _probes(objects: Objects) -> Iterator[str]:
    for name, template in _templates(objects):
        for container in template["spec"]["containers"]:
            for probe in _REQUIRED_PROBES:
                if probe not in container:
                    required = ", ".join(_REQUIRED_PROBES)
                    said = f"Container <{container['name']}> in your Pod <{name}> has no {probe}."
                    yield f"{said} Required probes: {required}"


def _storage_classes(objects: Objects) -> Iterator[str]:
    for item in objects:
        provisioner = item.get("provisioner", "")
        if provisioner in ("kubernetes.io/azure-file", "kubernetes.io/azure-disk"):
            yield f"Storage class {item['metadata']['name']} use intree provisioner {provisioner} is not allowed"


def _selectors(objects: Objects) -> Iterator[str]:
    seen: dict[tuple[str, str], str] = {}
    for item in objects:
        if item["kind"] == "Service" and item["spec"].get("selector"):
            selector = ",".join(f"{key}:{value}" for key, value in sorted(item["spec"]["selector"].items()))
            key = item["metadata"].get("namespace", "default"), selector
            if key in seen:
                yield f"same selector as service <{seen[key]}> in namespace <{key[0]}>"
            seen.setdefault(key, item["metadata"]["name"])


def _images(objects: Objects) -> Iterator[str]:
    for _, container in _containers(objects):
        tag = re.search(r":([\w.-]+)$", container["image"])
        if "@sha256:" not in container["image"] and (tag is None or tag[1] == "latest"):
            yield (
                "Please specify an explicit version such as '1.0'. "
                f"Using the latest tag for container {container['name']}"
            )


def _disruption_budgets(objects: Objects) -> Iterator[str]:
    for budget in (item for item in objects if item["kind"] == "PodDisruptionBudget"):
        name, spec = budget["metadata"]["name"], budget["spec"]
        if str(spec.get("maxUnavailable", 1)) in ("0", "0%"):
            yield f"PodDisruptionBudget <{name}> has maxUnavailable of 0"
        for item in objects:
            if item["kind"] in _CONTROLLERS and _selects(budget, item):
                replicas = item["spec"].get("replicas", 1)
                if spec.get("minAvailable", 0) == replicas:
                    yield f"{item['kind']} <{item['metadata']['name']}> has {replicas} replica(s), all to be kept"


def _budgets_are_set_to_one(objects: Objects) -> Iterator[str]:
    for item in objects:
        if item["kind"] == "PodDisruptionBudget" and item["spec"].get("maxUnavailable") != 1:
            yield f"PodDisruptionBudget <{item['metadata']['name']}> gets maxUnavailable 1"


def _root_is_made_read_only(objects: Objects) -> Iterator[str]:
    for _, container in _containers(objects):
        if "readOnlyRootFilesystem" not in container.get("securityContext", {}):
            yield f"container <{container['name']}> gets a read-only root file system"


SAFEGUARDS = (
    Safeguard("Cannot edit individual nodes", "53a4a537-990c-495a-92e0-7c21a465442c", _nodes),
    Safeguard("Requests of CPU and memory", "03a4ecdb-0684-4039-be91-2762979e1bc8", _requests),
    Safeguard("Limits of CPU and memory", "e345eecc-fa47-480f-9e88-67dcc122b164", _limits),
    Safeguard("Anti-affinity or topology spread", "34c88cd4-5d72-4dbb-bf77-12c3cafe8791", _anti_affinity),
    Safeguard("No AKS specific labels", "a22123bd-b9da-4c86-9424-24903e91fd55", _labels),
    Safeguard("Reserved system pool taints", "48940d92-ff05-449e-9111-e742d9280451", _taints),
    Safeguard("Readiness and liveness probes", "b1a9997f-2883-4f12-bdff-2280f99b5915", _probes),
    Safeguard("CSI driver's storage classes", "4f3823b6-6dac-4b5a-9c61-ce1afb829f17", _storage_classes),
    Safeguard("Unique Service selectors", "b0fdedee-7b9e-4a17-9f5d-5e8e912d2f01", _selectors),
    Safeguard("No latest image", "021f8078-41a0-40e6-81b6-c6597da9f3ee", _images),
    Safeguard("Accurate disruption budgets", "d9e8f2c1-4c5a-4f5c-8b5a-2abf1e9f7b4d", _disruption_budgets),
    Safeguard("Resources raised", "42ba1d72-e90f-42f8-bf99-5a1351eed2b1", _resources_are_raised, mutates=True),
    Safeguard("Spread added", "34c88cd4-5d72-4dbb-bf77-12c3cafe8791", _spread_is_added, mutates=True),
    Safeguard("Budgets set to one", "d77f191e-2338-45d0-b6d4-4ee1c586a192", _budgets_are_set_to_one, mutates=True),
    Safeguard("Root made read-only", "8e875f96-2c56-40ca-86db-b9f6a0be7347", _root_is_made_read_only, mutates=True),
)


def _templates(objects: Objects) -> Iterator[tuple[str, Object]]:
    """The name and the template of all that makes pods: Gatekeeper expands them."""
    for item in objects:
        spec = item.get("spec", {})
        if item["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if "template" in spec:
            yield item["metadata"]["name"], spec["template"]


def _containers(objects: Objects) -> Iterator[tuple[str, Object]]:
    for name, template in _templates(objects):
        spec = template["spec"]
        yield from ((name, container) for container in chain(spec["containers"], spec.get("initContainers", [])))


def _is_spread(pod: Object) -> bool:
    return bool(pod.get("topologySpreadConstraints") or pod.get("affinity", {}).get("podAntiAffinity"))


def _selects(budget: Object, controller: Object) -> bool:
    labels = controller["spec"]["template"]["metadata"]["labels"]
    same_namespace = budget["metadata"].get("namespace") == controller["metadata"].get("namespace")
    return same_namespace and bool(budget["spec"]["selector"]["matchLabels"].items() <= labels.items())


def _quantity(text: str) -> float:
    """`250m` is 0.25, `256Mi` is 268435456."""
    number, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(text)).groups()  # type: ignore[union-attr]
    return float(number) * _UNITS[unit]
