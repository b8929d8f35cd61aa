"""The frontend's environment: what is wrong ends its start, in one line."""

import os
import subprocess
import sys

import pytest

ENDPOINTS = {
    "AZURE_KEYVAULT_RESOURCEENDPOINT": "https://keyless.vault.azure.net",
    "AZURE_COSMOS_RESOURCEENDPOINT": "https://keyless.documents.azure.com:443/",
    "AZURE_STORAGEBLOB_RESOURCEENDPOINT": "https://keyless.blob.core.windows.net",
}
NO_HOSTS = ["*", ".example.com", "localhost,", "localhost:8080", "http://localhost", "::1", "local host"]


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"HTTP_PORT": "eighty"}, "HTTP_PORT: Input should be a valid integer"),
        *(({**ENDPOINTS, "ALLOWED_HOSTS": hosts}, "ALLOWED_HOSTS: String should match") for hosts in NO_HOSTS),
    ],
    ids=["port", *(f"hosts {hosts}" for hosts in NO_HOSTS)],
)
def test_what_is_wrong_is_named_in_one_line(environment: dict[str, str], named: str) -> None:
    """gunicorn ends with exit code 1 and one line that names the variable."""
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "gunicorn",
            "--config",
            "python:frontend.gunicorn_conf",
            "frontend.bootstrap:create_app()",
        ],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 1
    (line,) = (run.stdout + run.stderr).strip().splitlines()
    assert line.startswith("Error: the environment is not valid: ")
    assert named in line
