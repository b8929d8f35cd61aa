"""The real Bicep compiler, offline."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

TARGET = [
    *("--location", "westeurope"),
    *("--subscription-id", "00000000-0000-0000-0000-000000000001"),
    *("--tenant-id", "00000000-0000-0000-0000-000000000002"),
]
SECRET = "a made-up value, long enough to pass"
SETTINGS = {
    "KEYLESS_SUFFIX": "a1b2c",
    "KEYLESS_DEPLOYERS": '[{"principalId": "00000000-0000-0000-0000-0000000000d0", "principalType": "User"}]',
    "KEYLESS_FRONTEND_SIGNING_KEY": SECRET,
    "KEYLESS_RECEIPT_PUBLIC_KEY": SECRET,
    "KEYLESS_RECEIPT_SIGNING_KEY": SECRET,
}
"""What the parameter files read from the environment and have no default for."""


def bicep(*arguments: str | Path, settings: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the compiler with `settings` in its environment, and no setting of a developer's own."""
    program = shutil.which("bicep")
    if program is None:
        pytest.fail("bicep is not in PATH: `az bicep install` brings it, then add ~/.azure/bin to PATH")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KEYLESS_")}
    environment = inherited | {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"} | (settings or {})
    return subprocess.run([program, *arguments], env=environment, capture_output=True, text=True)
