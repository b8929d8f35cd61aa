"""The compose file agrees with the manifests: what runs in its containers is set up as on AKS."""

import importlib.metadata
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from localcloud.cluster.webhook import MOUNT_PATH, TOKEN_PATH

COMPOSE: dict[str, Any] = yaml.safe_load(Path("docker-compose.yml").read_text())
OUTPUTS: dict[str, str] = yaml.safe_load(Path("k8s/overlays/local/outputs.yaml").read_text())["data"]
WORKLOADS = {
    "frontend": "k8s/base/frontend/deployment.yaml",
    "backend": "k8s/base/backend/deployment.yaml",
    "redrive": "k8s/base/redrive/cronjob.yaml",
    "repair": "k8s/base/repair/cronjob.yaml",
}
ENDPOINTS = {
    "AZURE_KEYVAULT_RESOURCEENDPOINT": OUTPUTS["keyVaultEndpoint"],
    "AZURE_COSMOS_RESOURCEENDPOINT": OUTPUTS["cosmosEndpoint"],
    "AZURE_STORAGEBLOB_RESOURCEENDPOINT": OUTPUTS["blobEndpoint"],
    "AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE": OUTPUTS["serviceBusNamespace"],
}


def container_of(workload: str) -> dict[str, Any]:
    """The workload's one container as its manifest has it."""
    spec = yaml.safe_load(Path(WORKLOADS[workload]).read_text())["spec"]
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    (container,) = spec["template"]["spec"]["containers"]
    return dict(container)


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_workloads_environment_is_akss_and_a_ca_bundle(workload: str) -> None:
    """The webhook's variables and the manifest's endpoints, with the outputs' values; nothing more than two paths."""
    environment = dict(COMPOSE["services"][workload]["environment"])
    assert environment.pop("REQUESTS_CA_BUNDLE") == environment.pop("SSL_CERT_FILE")
    endpoints = {e["name"] for e in container_of(workload)["env"] if e["name"].startswith("AZURE_")}
    assert environment == {
        "AZURE_CLIENT_ID": OUTPUTS[f"{workload}ClientId"],
        "AZURE_TENANT_ID": OUTPUTS["tenantId"],
        "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
        "AZURE_FEDERATED_TOKEN_FILE": f"{MOUNT_PATH}/{TOKEN_PATH}",
        **{name: value for name, value in ENDPOINTS.items() if name in endpoints},
    }


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_workload_mounts_its_own_token_and_the_ca(workload: str) -> None:
    """Both read-only, and no other volume."""
    assert COMPOSE["services"][workload]["volumes"] == [
        f"token-{workload}:{MOUNT_PATH}:ro",
        "ca:/var/run/localcloud:ro",
    ]
    projected = f"--project=keyless/{workload}=/tokens/{workload}"
    assert projected in COMPOSE["services"]["localcloud"]["command"]


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_workload_runs_the_manifests_image(workload: str) -> None:
    """The same name and tag, the same limits."""
    service, container = COMPOSE["services"][workload], container_of(workload)
    limits = container["resources"]["limits"]
    assert service["image"] == container["image"]
    assert service["mem_limit"] == limits["memory"].replace("Mi", "m")
    assert service["cpus"] == (float(limits["cpu"].removesuffix("m")) / (1000 if limits["cpu"].endswith("m") else 1))


def test_every_name_of_azure_leads_to_the_local_cloud() -> None:
    """The aliases are the hosts that the outputs name, the authority and the issuer."""
    hosts = {url.removeprefix("https://").partition(":")[0].rstrip("/") for url in ENDPOINTS.values()}
    aliases = COMPOSE["services"]["localcloud"]["networks"]["azure"]["aliases"]
    assert set(aliases) == {*hosts, "login.microsoftonline.com", "localcloud.oic.prod-aks.azure.com"}


def test_every_service_is_hardened() -> None:
    """Read-only root, no capabilities, no new privileges, limits on memory, processors and processes."""
    for name, service in COMPOSE["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert {"mem_limit", "cpus", "pids_limit"} <= service.keys(), name
        assert not {"privileged", "cap_add", "user", "devices"} & service.keys(), name


@pytest.mark.parametrize("workload", ["frontend", "backend"])
def test_an_images_command_is_the_manifests(workload: str) -> None:
    """So that the image does the same with and without Kubernetes."""
    (command,) = (
        yaml.safe_load(line.removeprefix("CMD "))
        for line in Path(workload, "Dockerfile").read_text().splitlines()
        if line.startswith("CMD ")
    )
    assert command == container_of(workload)["command"]


def test_every_image_is_built_on_the_same_base_with_the_same_uv() -> None:
    """One Python, by digest, and one uv in all Dockerfiles: the uv that installs the tools on a laptop too."""
    pins = {
        (name, line)
        for name in ("frontend", "backend", "localcloud", "tests")
        for line in Path(name, "Dockerfile").read_text().splitlines()
        if line.startswith(("ARG BASE_IMAGE=", "ARG UV_VERSION="))
    }
    (base, uv) = sorted({line for _, line in pins})
    assert len(pins) == 8
    assert "@sha256:" in base
    assert f'UV_VERSION = "{uv.removeprefix("ARG UV_VERSION=")}"' in Path("tools/bootstrap.py").read_text()


def test_the_base_is_the_newest_python_that_every_sdk_declares() -> None:
    """So that an SDK which comes to declare a newer one, or no longer this one, is noticed."""
    sdks = [found for found in importlib.metadata.distributions() if found.name.startswith("azure-")]
    declared = [set(sdk.metadata.get_all("Classifier", [])) for sdk in sdks]
    shared = set.intersection(*declared)
    newest = max(int(minor) for minor in re.findall(r"Python :: 3\.(\d+)$", "\n".join(shared), re.MULTILINE))
    assert f"library/python:3.{newest}." in Path("frontend/Dockerfile").read_text()
