"""Settings: what is missing or wrong in the environment ends the start of each workload in the same way."""

import os
import subprocess
import sys

import pytest
from pydantic_settings import BaseSettings

from workload.settings import AmqpEndpoint, HttpsEndpoints, HttpServer, InvalidEnvironment, from_environment

ENDPOINTS = {
    "AZURE_KEYVAULT_RESOURCEENDPOINT": "https://keyless.vault.azure.net",
    "AZURE_COSMOS_RESOURCEENDPOINT": "https://keyless.documents.azure.com:443/",
    "AZURE_STORAGEBLOB_RESOURCEENDPOINT": "https://keyless.blob.core.windows.net",
}
COMMANDS = {
    "frontend": ["-m", "gunicorn", "--config", "python:frontend.gunicorn_conf", "frontend.bootstrap:create_app()"],
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


WRONG = {
    HttpsEndpoints: {
        "AZURE_KEYVAULT_RESOURCEENDPOINT": ("keyless.vault.azure.net", "http://keyless.vault.azure.net", "https://"),
        "AZURE_COSMOS_RESOURCEENDPOINT": ("keyless.documents.azure.com:443", "https:// keyless", "https://host:port"),
        "AZURE_STORAGEBLOB_RESOURCEENDPOINT": ("keyless", "DefaultEndpointsProtocol=https;AccountName=keyless"),
    },
    AmqpEndpoint: {
        "AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE": ("sb://keyless.servicebus.windows.net/", "https://keyless", "a b"),
        "AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS": ("https://127.0.0.1:5671", "sb://127.0.0.1:amqps"),
    },
    HttpServer: {"HTTP_PORT": ("eighty", "-1", "65536")},
}


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        pytest.param(settings, name, value, id=f"{name}={value}")
        for settings, names in WRONG.items()
        for name, values in names.items()
        for value in values
    ],
)
def test_a_value_that_no_client_can_use_is_named(
    monkeypatch: pytest.MonkeyPatch, settings: type[BaseSettings], name: str, value: str
) -> None:
    """Before a client is made: by its variable, on one line that does not repeat the value."""
    for variable, good in (ENDPOINTS | {"AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE": "keyless"} | {name: value}).items():
        monkeypatch.setenv(variable, good)
    with pytest.raises(InvalidEnvironment) as invalid:
        from_environment(settings)
    assert str(invalid.value).startswith(f"the environment is not valid: {name}: ")
    assert str(invalid.value).count(": ") == 2
    assert "\n" not in str(invalid.value)


def test_an_empty_variable_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest whose value was never filled in is told like one without the variable."""
    monkeypatch.setenv("AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE", "")
    with pytest.raises(InvalidEnvironment, match="AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE: Field required"):
        from_environment(AmqpEndpoint)
