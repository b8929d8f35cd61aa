"""A container's environment: its order, its references, and what is moved to this machine's own places."""

from pathlib import Path

import pytest
from localcloud.cluster.environment import PodIdentity, Relocation, container_environment, expand
from localcloud.cluster.errors import ContainerConfigError
from localcloud.cluster.resources import ConfigMap, Container

POD = PodIdentity("web-1", "test", "uid-1", "web", "uid-of-web")
HERE = Relocation(ports={8080: 40123}, mounts={"/data": Path("/here/data"), "/data/logs": Path("/here/logs")})
MAPS = {
    ("test", "settings"): ConfigMap.model_validate(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"LEVEL": "info"}}
    )
}


def environment(*variables: dict[str, object], **container: object) -> dict[str, str]:
    spec = Container.model_validate({"name": "web", "command": ["web"], "env": variables} | container)
    return container_environment(spec, POD, MAPS, {"NODE": "n"}, HERE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)/$(B)", "1/2"),
        ("$(C)", "$(C)"),
        ("$$(A)", "$(A)"),
        ("$A ${A} $(A", "$A ${A} $(A"),
    ],
)
def test_references_are_expanded_as_in_kubernetes(text: str, expected: str) -> None:
    """Known names are replaced, unknown ones left, a doubled dollar escapes, and a shell's forms mean nothing."""
    assert expand(text, {"A": "1", "B": "2"}) == expected


def test_a_variable_sees_only_those_before_it() -> None:
    """The node's variables come first, then envFrom, then env in its order."""
    given = environment(
        {"name": "FIRST", "value": "$(NODE)-$(LEVEL)-$(SECOND)"},
        {"name": "SECOND", "value": "$(FIRST)"},
        envFrom=[{"configMapRef": {"name": "settings"}}],
    )
    assert given == {"NODE": "n", "LEVEL": "info", "FIRST": "n-info-$(SECOND)", "SECOND": "n-info-$(SECOND)"}


def test_the_pod_can_be_told_who_it_is() -> None:
    """Name, namespace and uid come from the pod itself."""
    given = environment(
        *(
            {"name": field, "valueFrom": {"fieldRef": {"fieldPath": f"metadata.{field}"}}}
            for field in ("name", "namespace", "uid")
        )
    )
    assert (given["name"], given["namespace"], given["uid"]) == ("web-1", "test", "uid-1")


def test_ports_and_paths_are_moved() -> None:
    """A `_PORT` variable of a declared port, and any value below a mount path, say where things are here."""
    given = environment(
        {"name": "HTTP_PORT", "value": "8080"},
        {"name": "SIZE", "value": "8080"},
        {"name": "URL", "value": "http://127.0.0.1:$(HTTP_PORT)"},
        {"name": "DATA", "value": "/data/a"},
        {"name": "LOGS", "value": "/data/logs"},
        {"name": "OTHER", "value": "/database"},
    )
    assert given["HTTP_PORT"] == "40123"
    assert given["SIZE"] == "8080"
    assert given["URL"] == "http://127.0.0.1:40123"
    assert given["DATA"] == "/here/data/a"
    assert given["LOGS"] == "/here/logs"
    assert given["OTHER"] == "/database"


def test_a_missing_key_is_an_error_unless_optional() -> None:
    """As in Kubernetes, an optional reference leaves the variable out, any other stops the container."""
    reference = {"name": "settings", "key": "COLOUR"}
    optional = environment({"name": "A", "valueFrom": {"configMapKeyRef": reference | {"optional": True}}})
    assert "A" not in optional
    with pytest.raises(ContainerConfigError, match='couldn\'t find key "COLOUR" in configmap "settings"'):
        environment({"name": "A", "valueFrom": {"configMapKeyRef": reference}})
