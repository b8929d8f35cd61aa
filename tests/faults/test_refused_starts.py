"""If the local cloud can't start, one sentence says why, and nothing is left running."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from demo.stack import APPLICATION, ROOT
from tests.faults import processes

LOCAL = str(ROOT / "k8s" / "overlays" / "local")
FREE_PORTS = ["--proxy-port=0", "--amqp-port=0", "--service-port=frontend=0"]


Runs = dict[str, subprocess.CompletedProcess[str]]


class Fault(NamedTuple):
    """Arguments that can't work, and what the sentence about them must name, `{taken}` being a port in use."""

    arguments: list[str]
    named: list[str]


FAULTS = {
    "page's port": Fault(["--service-port=frontend={taken}"], ["Port {taken}", "--service-port frontend="]),
    "AMQP port": Fault(["--amqp-port={taken}"], ["Port {taken}", "LOCALCLOUD_AMQP_PORT"]),
    "proxy's port": Fault(["--proxy-port={taken}"], ["Port {taken}", "LOCALCLOUD_PROXY_PORT"]),
    "no port": Fault(["--proxy-port=many"], ["proxy_port", "'many'"]),
    "no such Service": Fault(["--service-port=page=0"], ["there is no Service page"]),
    "no overlay": Fault(["--overlay={folder}/nowhere"], ["kustomize", "nowhere"]),
    "broken overlay": Fault(["--overlay={folder}"], ["kustomize", "missing.yaml"]),
    "no access file": Fault(["--access={folder}/nowhere.yaml"], ["nowhere.yaml can't be read: No such file"]),
    "typo in the access file": Fault(["--access={folder}/typo.yaml"], ["typo.yaml", "grants[0].rol", "not known"]),
    "unknown role": Fault(["--access={folder}/role.yaml"], ["role.yaml", "workload frontend", "Sendr"]),
    "no YAML": Fault(["--access={folder}/broken.yaml"], ["broken.yaml is not YAML", "line 2"]),
    "no Azurite": Fault(["--azurite={folder}"], ["Azurite is not installed in"]),
    "state folder in use": Fault(["--ephemeral", "--state={folder}"], ["--ephemeral would remove it"]),
}


@pytest.fixture(scope="module")
def taken() -> Iterator[int]:
    """A port that another process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files with the faults."""
    files = tmp_path_factory.mktemp("faults")
    access = (ROOT / "infra" / "access.yaml").read_text()
    (files / "typo.yaml").write_text(access.replace("role:", "rol:", 1))
    (files / "role.yaml").write_text(access.replace("role: Azure Service Bus Data Sender", "role: Sendr", 1))
    (files / "broken.yaml").write_text("entities: [keyVault\nroles: {}\n")
    (files / "kustomization.yaml").write_text("resources: [missing.yaml]\n")
    return files


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the state folders."""
    return tmp_path_factory.mktemp("states")


@pytest.fixture(scope="module")
def runs(taken: int, folder: Path, states: Path) -> Runs:
    """Every fault tried, a few at a time, since each has the start of a program to wait for."""

    def run(name: str) -> subprocess.CompletedProcess[str]:
        working = [*APPLICATION, f"--state={states / name}", f"--overlay={LOCAL}", *FREE_PORTS]
        faulty = [argument.format(taken=taken, folder=folder) for argument in FAULTS[name].arguments]
        command = [sys.executable, "-m", "localcloud", "run", *working, *faulty]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    with ThreadPoolExecutor(3) as pool:
        return dict(zip(FAULTS, pool.map(run, FAULTS), strict=True))


@pytest.mark.parametrize("name", FAULTS)
def test_a_start_that_fails_says_why_in_one_sentence(runs: Runs, taken: int, name: str) -> None:
    """The exit code is 1, and one line names what is wrong and where it is set."""
    run = runs[name]
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    for part in FAULTS[name].named:
        assert part.format(taken=taken) in line


def test_make_runs_own_port_is_named_as_make_names_it(taken: int, states: Path) -> None:
    """`make run` with a taken port says which, and that PORT is its setting."""
    command = [sys.executable, "-m", "demo", "run", f"--port={taken}", f"--state={states / 'demo'}"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert f"Port {taken}" in line
    assert "make run PORT=" in line


@pytest.mark.usefixtures("runs")
def test_a_start_that_fails_leaves_nothing_running(states: Path) -> None:
    """An Azurite that was started before the fault is stopped."""
    assert processes.mentioning(str(states)) == []
