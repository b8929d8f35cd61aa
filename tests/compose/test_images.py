"""The images hold their own member of the workspace and what it depends on, and nothing else."""

import json
import os
import shutil
import subprocess

import pytest
from packaging.requirements import Requirement

from tests.compose.docker import docker, in_a_new_container, inside

IMAGES = ("frontend", "backend", "localcloud")

CONTENTS = """
import importlib.metadata, json, os, platform, sys
print(json.dumps([
    sorted(found.name.lower().replace("_", "-") for found in importlib.metadata.distributions()),
    {
        "os_name": os.name,
        "sys_platform": sys.platform,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "implementation_name": sys.implementation.name,
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "python_full_version": platform.python_version(),
    },
]))
"""

IMPORTED = """
import importlib, json, pkgutil, {package} as package
names = [module.name for module in pkgutil.walk_packages(package.__path__, "{package}.")]
names = [name for name in names if ".testing" not in name]  # an extra, which no image has
for name in names:
    importlib.import_module(name)
print(json.dumps(names))
"""


def locked(member: str, environment: dict[str, str]) -> set[str]:
    """What uv.lock gives the member in this environment, other members of the workspace among it.

    The local cloud is a project of its own, with a lock file of its own.
    """
    uv = shutil.which("uv", path=f".tools/uv/bin{os.pathsep}{os.environ['PATH']}")
    assert uv is not None, "uv is missing: `make tools` brings it"
    options = ["--frozen", "--no-dev", "--no-hashes", "--no-annotate", "--no-header"]
    options += ["--project", member] if member == "localcloud" else ["--package", member]
    run = subprocess.run([uv, "export", *options], check=True, capture_output=True, text=True)
    names = {member}
    for line in run.stdout.splitlines():
        if line.startswith("-e "):
            names.add(line.rpartition("/")[2] if "/" in line else member)
        else:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate(environment):
                names.add(requirement.name)
    return names


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_holds_what_is_locked_for_its_member_and_nothing_else(name: str) -> None:
    """Its distributions are those that uv.lock names: none of another member's, no tool, not even pip."""
    installed, environment = in_a_new_container(f"keyless/{name}:0.1.0", CONTENTS)
    assert set(installed) == locked(name, environment)


@pytest.mark.parametrize("name", IMAGES)
def test_every_module_of_an_image_can_be_imported(name: str) -> None:
    """Each member declares what its modules import, and does not rely on another member's dependencies."""
    imported = inside(name, IMPORTED.format(package=name))  # where it has the environment that it reads
    assert len(imported) > 10


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_says_what_it_is_and_how_it_is(name: str) -> None:
    """A user that is not root, a health check, a title, a licence, a version; no secret in its environment."""
    (image,) = json.loads(docker("image", "inspect", f"keyless/{name}:0.1.0"))
    config = image["Config"]
    assert config["User"] == "65532:65532"
    assert config["Healthcheck"]["Test"][0] == "CMD"
    labels = {label.removeprefix("org.opencontainers.image."): value for label, value in config["Labels"].items()}
    assert labels["title"] == ("localcloud" if name == "localcloud" else f"keyless {name}")
    assert labels["version"] == "0.1.0"
    assert labels["licenses"] == "MIT"
    assert labels["description"]
    assert not [variable for variable in config["Env"] if variable.startswith(("AZURE_", "PIP_", "UV_"))]
