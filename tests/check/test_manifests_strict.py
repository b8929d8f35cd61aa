"""Every overlay against the schemas of Kubernetes and of the custom resources: what they don't know is refused.

The schemas of Kubernetes come with kubernetes-validate, the others from `tests/crds`.
"""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.infra.manifests import APPLIED, Object, named, rendered

KUBERNETES = "1.36"
CRDS = Path(__file__).parents[1] / "crds"


@pytest.fixture(autouse=True, scope="module")
def schemas_of_kubernetes() -> None:
    """A missing package is told in a sentence."""
    if importlib.util.find_spec("kubernetes_validate") is None:
        pytest.fail("the schemas of Kubernetes are in the dependency group `check`: `uv sync --group check` brings it")


@pytest.mark.parametrize("overlay", APPLIED)
def test_every_object_is_valid(overlay: str) -> None:
    """Each has a known kind and version, all that is required, and nothing besides."""
    for item in rendered(overlay):
        validate(item)


def test_an_unknown_kind_is_refused() -> None:
    """A custom resource without a definition is an error, not a warning."""
    with pytest.raises(LookupError, match=r"no definition of keda\.sh/v1alpha1 ScaledJob"):
        validate({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledJob", "metadata": {"name": "x"}, "spec": {}})


def test_a_version_that_is_not_served_is_refused() -> None:
    """A version that the definition does not name is as unknown as a kind."""
    with pytest.raises(LookupError, match=r"no definition of gateway\.networking\.k8s\.io/v1alpha2 Gateway"):
        validate(named("aks-exposed", "Gateway", "keyless") | {"apiVersion": "gateway.networking.k8s.io/v1alpha2"})


@pytest.mark.parametrize(
    ("kind", "name", "path"),
    [
        ("Deployment", "backend", ("spec", "template", "spec", "containers", 0)),
        ("NetworkPolicy", "frontend", ("spec",)),
        ("Gateway", "keyless", ("spec", "listeners", 0, "tls")),
        ("HTTPRoute", "frontend", ("spec", "rules", 0, "matches", 0)),
        ("ScaledObject", "backend", ("spec", "triggers", 0)),
        ("TriggerAuthentication", "keda", ("spec", "podIdentity")),
        ("CiliumNetworkPolicy", "stores", ("spec", "egress", 0, "toFQDNs", 0)),
    ],
)
def test_an_unknown_field_is_refused(kind: str, name: str, path: tuple[str | int, ...]) -> None:
    """A misspelt field is found at any depth, in Kubernetes' own kinds and in the others alike."""
    with pytest.raises(jsonschema.ValidationError, match="'mispelt' was unexpected"):
        validate(with_field(named("aks-everything", kind, name), path))


def validate(item: Object) -> None:
    """Raises `jsonschema.ValidationError`, or `LookupError` for a kind or version without a definition."""
    import kubernetes_validate

    definition = definitions().get(f"{item['apiVersion']} {item['kind']}")
    if definition is not None:
        jsonschema.Draft202012Validator(definition).validate(item)
        return
    try:
        kubernetes_validate.validate(item, KUBERNETES, strict=True)
    except kubernetes_validate.SchemaNotFoundError as error:
        raise LookupError(f"there is no definition of {item['apiVersion']} {item['kind']}") from error


@cache
def definitions() -> dict[str, Object]:
    """The schema of each custom resource, by version and kind."""
    found = {}
    for file in CRDS.glob("*.yaml"):
        spec = yaml.safe_load(file.read_text())["spec"]
        for version in spec["versions"]:
            if version["served"]:
                name = f"{spec['group']}/{version['name']} {spec['names']['kind']}"
                found[name] = closed(version["schema"]["openAPIV3Schema"])
    return found


def closed(schema: Any) -> Any:
    """The schema without room for what it doesn't name, as a server with `fieldValidation: Strict` reads it."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        free = schema.get("x-kubernetes-preserve-unknown-fields", False)
        inner.setdefault("additionalProperties", free)
    return inner


def with_field(item: Any, path: tuple[str | int, ...]) -> Any:
    """A copy with one field more, `mispelt`, in the object at the path."""
    if not path:
        return item | {"mispelt": True}
    step, *rest = path
    if isinstance(item, list):
        return [with_field(value, tuple(rest)) if index == step else value for index, value in enumerate(item)]
    return item | {step: with_field(item[step], tuple(rest))}
