"""`make run` with a fault in the checkout: it stays up, says what is missing, and goes on as soon as that is mended."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.stack import ROOT
from tests.e2e.waiting import until
from tests.faults.application import free_ports

LABEL = 'azure.workload.identity/use: "true"'
BACKEND = "    serviceAccount: backend\n    grants:\n"
GRANT = "      - role: Azure Service Bus Data Receiver\n        scope: serviceBus/orders\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What `make run` reads of a checkout, copied, so that it can be edited."""
    for folder in ("demo", "infra", "k8s"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "snapshots"))
    return tmp_path


@pytest.fixture
def terminal(checkout: Path) -> Iterator[Path]:
    """What it says. The frontend's pods lack their label, and the backend lacks a role."""
    edit(checkout / "k8s/base/frontend/deployment.yaml", LABEL, LABEL.replace("true", "false"))
    edit(checkout / "infra/access.yaml", GRANT, "")
    amqp, proxy = free_ports(2)
    environment = {"LOCALCLOUD_AMQP_PORT": str(amqp), "LOCALCLOUD_PROXY_PORT": str(proxy)}
    said = checkout / "said"
    with said.open("w") as output:
        command = [sys.executable, "-m", "demo", "run", "--ephemeral", "--state", str(checkout / "s"), "--port", "0"]
        run = subprocess.Popen(command, cwd=checkout, env=environment, stdout=output, stderr=output)
    try:
        yield said
        assert run.poll() is None
    finally:
        run.terminate()
        run.wait(60)


@pytest.mark.counted
@pytest.mark.quick
def test_a_broken_start_stays_up_and_goes_on_when_it_is_mended(checkout: Path, terminal: Path) -> None:
    """Each fault is said with its fix; mended one after the other, they lead to the first receipt."""
    until(terminal.read_text, lambda text: "Not every pod is ready" in text, 90)
    assert f"needs the label {LABEL}" in terminal.read_text()
    assert "receive/action on serviceBus/orders" in terminal.read_text()
    edit(checkout / "k8s/base/frontend/deployment.yaml", LABEL.replace("true", "false"), LABEL)
    until(terminal.read_text, lambda text: "new pods of frontend take the place" in text, 30)
    edit(checkout / "infra/access.yaml", BACKEND, BACKEND + GRANT)
    until(terminal.read_text, lambda text: "The page " in text, 60)
    assert "verified receipt for 1 × a first order" in terminal.read_text()


def edit(path: Path, old: str, new: str) -> None:
    """Replaces the first occurrence."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
