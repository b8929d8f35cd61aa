"""`.ci/docker` on a machine that can't have an engine: it says why in one line, and fails nothing.

The machine is made of programs that stand in for its own: they print what the real ones print there.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

NO_ENGINE = "echo 'Cannot connect to the Docker daemon' >&2; exit 1"
MACHINES = {
    "the user may not start one": (
        {"docker": NO_ENGINE, "id": "echo 1000"},
        "no Docker engine runs, and only root can start one",
    ),
    "no package": (
        {"docker": NO_ENGINE, "id": "echo 0", "dpkg": "exit 1", "apt-get": "echo 'E: no network' >&2; exit 100"},
        "Docker can't be installed: E: no network",
    ),
    "it may not start": (
        {"docker": NO_ENGINE, "id": "echo 0", "dpkg": "exit 0", "dockerd": "echo 'permission denied' >&2; exit 1"},
        "dockerd does not start: permission denied",
    ),
    "no Compose": (
        {"docker": '[ "$1" = info ]', "install-compose": "exit 1"},
        "Docker Compose v2 is missing",
    ),
}


@pytest.mark.parametrize("machine", MACHINES)
def test_without_an_engine_one_line_says_why(machine: str, tmp_path: Path) -> None:
    """The last line names the cause, the exit code is 0, and no container, file or process is left."""
    programs, cause = MACHINES[machine]
    script, stand_ins, temporary = (tmp_path / name for name in ("main/.ci/docker", "shared/tools/bin", "tmp"))
    for folder in (script.parent, stand_ins, temporary):
        folder.mkdir(parents=True)
    shutil.copy(".ci/docker", script)
    for name, program in programs.items():
        (stand_ins / name).write_text(f"#!/bin/sh\n{program}\n")
        (stand_ins / name).chmod(0o755)
    environment = {"PATH": "/usr/bin:/bin", "TMPDIR": str(temporary)}
    ended = subprocess.run([script, tmp_path / "report.xml"], capture_output=True, text=True, env=environment)
    assert ended.stdout.splitlines()[-1] == f"containers: not run here: {cause}"
    assert (ended.returncode, ended.stderr) == (0, "")
    assert list(temporary.iterdir()) == []
