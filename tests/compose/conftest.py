"""These tests run against the application that `docker compose up --detach --wait` has started."""

import json
import shutil
import subprocess

import pytest


@pytest.fixture(scope="session", autouse=True)
def _running() -> None:
    if shutil.which("docker") is None:
        pytest.fail("these tests need Docker with Compose v2: docs/containers.md")
    listed = subprocess.run(["docker", "compose", "ps", "--format", "json"], capture_output=True, text=True)
    containers = [json.loads(line) for line in listed.stdout.splitlines()]
    healthy = {container["Service"] for container in containers if container["Health"] == "healthy"}
    if healthy != {"frontend", "backend", "localcloud"}:
        pytest.fail("the application does not run: `docker compose up --detach --wait` starts it")
