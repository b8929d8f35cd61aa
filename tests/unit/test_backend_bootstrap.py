"""The worker's bootstrap: what was opened is closed, however far the start came."""

import asyncio
import subprocess
import sys
from types import SimpleNamespace

import pytest

from backend import bootstrap
from backend.settings import WorkerSettings

CLIENTS = ("secret_client", "cosmos_client", "blob_client", "servicebus_client")
SETTINGS = WorkerSettings(
    azure_keyvault_resourceendpoint="https://vault.example",
    azure_cosmos_resourceendpoint="https://cosmos.example",
    azure_storageblob_resourceendpoint="https://blob.example",
    azure_servicebus_fullyqualifiednamespace="namespace.example",
    http_host="127.0.0.1",
    http_port=0,
)


@pytest.mark.parametrize("failing", CLIENTS)
async def test_what_was_opened_before_a_failure_is_closed(failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a client can't be made, those before it and the credential are closed, in reverse order."""
    opened: list[str] = []
    closed: list[str] = []

    def make(name: str) -> SimpleNamespace:
        if name == failing:
            raise RuntimeError(name)
        opened.append(name)

        async def close() -> None:
            closed.append(name)

        return SimpleNamespace(close=close)

    monkeypatch.setattr(bootstrap, "workload_identity", lambda: make("workload_identity"))
    for name in CLIENTS:
        monkeypatch.setattr(bootstrap, name, lambda _settings, _credential, name=name: make(name))
    with pytest.raises(RuntimeError, match=failing):
        await bootstrap.run_worker(SETTINGS, asyncio.Event())
    assert opened == ["workload_identity", *CLIENTS[: CLIENTS.index(failing)]]
    assert closed == opened[::-1]


def test_importing_the_worker_starts_and_configures_nothing() -> None:
    """No thread, no log handler, and the SDK decodes messages as it came, until the worker is run."""
    code = (
        "import logging, threading, structlog\n"
        "import backend.__main__, backend.redrive.__main__, backend.repair.__main__\n"
        "from azure.servicebus._pyamqp._decode import decode_payload\n"
        "from azure.servicebus._pyamqp.aio import _receiver_async\n"
        "assert threading.active_count() == 1\n"
        "assert not logging.getLogger().handlers and not structlog.is_configured()\n"
        "assert _receiver_async.decode_payload is decode_payload\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
