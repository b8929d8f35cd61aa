"""The local overlay: what the laptop runs is what the cluster is given, and little in it is the laptop's own."""

import asyncio
from pathlib import Path

from localcloud.authorization.model import AccessModel
from localcloud.cluster.manifest import read
from localcloud.cluster.outputs import render_outputs
from localcloud.cluster.render import render

from tests.infra.manifests import K8S, Object, rendered

MODEL = AccessModel.load(Path("infra/access.yaml"))


def test_the_outputs_are_current() -> None:
    """The overlays that the local cloud serves hold what `localcloud outputs` prints for the access model."""
    for overlay in ("local", "kind"):
        assert (K8S / "overlays" / overlay / "outputs.yaml").read_text() == render_outputs(MODEL, "keyless")


def test_the_local_cluster_runs_all_of_it() -> None:
    """Every field is honoured or known to mean nothing here, and one replica each is asked for."""
    manifests = read(list(rendered("local")))
    assert {name: item.spec.replicas for name, item in manifests.deployments.items()} == {"frontend": 1, "backend": 1}
    assert list(manifests.cron_jobs) == ["redrive", "repair"]
    assert list(manifests.services) == ["frontend"]


def test_the_laptop_differs_from_the_base_in_little() -> None:
    """The variables that differ from the base: loopback and the AMQP address; the rest comes from outputs."""
    base = {(item["kind"], item["metadata"]["name"]): item for item in asyncio.run(render(K8S / "base"))}
    changed = {
        key: {
            item["name"]
            for item in _env(local)
            if item not in _env(base[key]) and "filled-in" not in _value(base[key], item["name"])
        }
        for local in rendered("local")
        for key in [(local["kind"], local["metadata"]["name"])]
        if _env(local)
    }
    assert changed == {
        ("Deployment", "frontend"): {"HTTP_HOST", "AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS"},
        ("Deployment", "backend"): {"HTTP_HOST", "AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS"},
        ("CronJob", "redrive"): {"AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS"},
        ("CronJob", "repair"): set(),
    }


def _env(item: Object) -> list[Object]:
    spec = item.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    if "template" not in spec:
        return []
    env: list[Object] = spec["template"]["spec"]["containers"][0]["env"]
    return env


def _value(item: Object, name: str) -> str:
    return next((str(variable.get("value")) for variable in _env(item) if variable["name"] == name), "")
