"""The real Azure CLI, signed out, for the tests that ask it whether it understands a line.

The CLI checks a line before it checks the sign-in. A good line ends with the request to sign in; a wrong one ends with
its own sentence.
"""

import os
import shutil
import subprocess
from pathlib import Path

VERSION = "2.91.0"
HOME = Path(".tools/az").resolve()
SIGN_IN = "Please run 'az login'"
_SECRETS = ("FRONTEND_SIGNING_KEY", "RECEIPT_PUBLIC_KEY", "RECEIPT_SIGNING_KEY")


class AzureCli:
    """Run it with a configuration of its own in `folder`. Bicep is the one on `PATH`, with made-up parameters."""

    def __init__(self, folder: Path) -> None:
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AZURE_CONFIG_DIR": str(folder),
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            "AZURE_BICEP_USE_BINARY_FROM_PATH": "true",
            "AZURE_BICEP_CHECK_VERSION": "false",
            "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
            "KEYLESS_SUFFIX": "a1b2c",
            "KEYLESS_DEPLOYERS": '[{"principalId": "00000000-0000-0000-0000-0000000000d0", "principalType": "User"}]',
            **{f"KEYLESS_{name}": "a made-up value, long enough to pass" for name in _SECRETS},
        }

    def run(self, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        command = [HOME / "bin" / "az", *arguments]
        return subprocess.run(command, env=self._environment, input="{}", capture_output=True, text=True)


def installed(folder: Path) -> AzureCli:
    """Install it below `.tools/`, once. That takes two minutes and 400 MB."""
    cli = AzureCli(folder)
    if not (HOME / "bin" / "az").exists() or VERSION not in cli.run(["version"]).stdout:
        uv = shutil.which("uv", path=os.pathsep.join([".tools/uv/bin", os.environ["PATH"]]))
        assert uv is not None, "`make test` installs uv"
        environment = os.environ | {"UV_CACHE_DIR": str(HOME.parent / "cache" / "uv")}
        subprocess.run([uv, "venv", "--quiet", "--clear", HOME], check=True, env=environment)
        package = ["--python", HOME / "bin" / "python", f"azure-cli=={VERSION}"]
        subprocess.run([uv, "pip", "install", "--quiet", *package], check=True, env=environment)
    return cli
