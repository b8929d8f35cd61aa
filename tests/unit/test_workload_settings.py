"""Settings: what is missing or wrong in the environment ends the start of each workload in the same way."""

import os
import subprocess
import sys

import pytest

ENDPOINTS = {
    "AZURE_KEYVAULT_RESOURCEENDPOINT": "https://keyless.vault.azure.net",
    "AZURE_COSMOS_RESOURCEENDPOINT": "https://keyless.documents.azure.com:443/",
    "AZURE_STORAGEBLOB_RESOURCEENDPOINT": "https://keyless.blob.core.windows.net",
}
COMMANDS = {
    "frontend": ["-m", "gunicorn", "--config", "python:frontend.gunicorn_conf", "frontend.app:create_app()"],
    "backend": ["-m", "backend"],
    "redrive": ["-m", "backend.redrive", "list"],
}
MISSING = "the environment is not valid: AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE: Field required"


@pytest.mark.parametrize("workload", COMMANDS)
def test_each_workload_says_what_is_missing_in_one_line(workload: str) -> None:
    """The variable's name, the same sentence, the same exit code 1, and no traceback."""
    run = subprocess.run(
        [sys.executable, *COMMANDS[workload]],
        env={"PATH": os.environ["PATH"], **ENDPOINTS},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 1
    (line,) = (run.stdout + run.stderr).strip().splitlines()
    assert line.partition(": ")[2] == MISSING
