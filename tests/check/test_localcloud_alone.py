"""The local cloud is a project of its own: its folder can be moved out as it is."""

import os
import shutil
import subprocess
from pathlib import Path

UV = Path(".tools/uv/bin/uv").absolute()


def test_the_folder_alone_installs_and_its_readme_holds(tmp_path: Path) -> None:
    """Copied into an empty folder, it installs from its own lock file and runs its README's example."""
    project = tmp_path / "localcloud"
    shutil.copytree("localcloud", project, ignore=shutil.ignore_patterns("__pycache__", ".venv"))
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    environment["UV_CACHE_DIR"] = str(Path(".tools/cache/uv").absolute())
    for command in (
        [UV, "sync", "--frozen", "--quiet"],
        [".venv/bin/localcloud", "install"],
        [".venv/bin/python", "-m", "pytest", "-q", "tests/unit", "tests/test_readme.py"],
    ):
        ran = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
