"""The frontend and the worker in this process, over a local cloud, whole or with one link of their chain broken."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from localcloud.authorization.model import client_id
from localcloud.testing import RunningCloud, UnexpectedDenial
from werkzeug.serving import make_server

from backend.bootstrap import run_worker
from backend.settings import WorkerSettings
from frontend.bootstrap import create_app
from frontend.settings import Settings
from tests.e2e.waiting import until


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken link: `variables` that differ or, as None, are missing; a token of other claims; a role taken away."""

    variables: Mapping[str, str | None] = field(default_factory=dict)
    token: Mapping[str, Any] | None = None
    revoked: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """The role and the scope of each workload that loses one."""


NOT_LABELLED = Fault(dict.fromkeys(("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE"), None))
NOT_ANNOTATED = Fault({"AZURE_CLIENT_ID": None})
NO_TOKEN_FILE = Fault({"AZURE_FEDERATED_TOKEN_FILE": "/nowhere/azure-identity-token"})
EXPIRED = Fault(token={"lifetime_seconds": -3600})
ANOTHER_NAMESPACE = Fault(token={"namespace": "default"})
ANOTHER_AUDIENCE = Fault(token={"audience": "https://kubernetes.default.svc"})
ANOTHERS_CLIENT_ID = Fault({"AZURE_CLIENT_ID": client_id("keda")})
UNKNOWN_CLIENT_ID = Fault({"AZURE_CLIENT_ID": "11111111-2222-3333-4444-555555555555"})
ANOTHER_TENANT = Fault({"AZURE_TENANT_ID": "11111111-2222-3333-4444-555555555555"})
NO_SUCH_ENTRA = Fault({"AZURE_AUTHORITY_HOST": "https://login.nowhere.example/"})
NO_SUCH_ACCOUNT = Fault({"AZURE_STORAGEBLOB_RESOURCEENDPOINT": "https://nowhere.blob.core.windows.net"})


@contextmanager
def serving(workload: str, cloud: RunningCloud, fault: Fault = Fault()) -> Iterator[str]:
    """Run the workload with the fault, and give the URL at which it answers."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in _environment(workload, cloud, fault).items():
            patch.setenv(name, value)
        for name in (name for name, value in fault.variables.items() if value is None):
            patch.delenv(name, raising=False)
        if workload in fault.revoked:
            stack.enter_context(contextlib.suppress(UnexpectedDenial))  # no request may come before the end
            stack.enter_context(cloud.expects_denials())
            stack.enter_context(cloud.revoke(workload, *fault.revoked[workload]))
        yield stack.enter_context({"frontend": _frontend, "backend": _backend}[workload]())


def _environment(workload: str, cloud: RunningCloud, fault: Fault) -> dict[str, str]:
    found = cloud.environment(workload)
    if fault.token is not None:
        found["AZURE_FEDERATED_TOKEN_FILE"] = str(cloud.token_file(workload, **fault.token))
    return found | {name: value for name, value in fault.variables.items() if value is not None}


@contextmanager
def _frontend() -> Iterator[str]:
    app = create_app(Settings())  # type: ignore[call-arg]  # from the environment
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with contextlib.suppress(Exception):  # without a key it serves all the same
        app.extensions["frontend"].keys.current()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        app.extensions["frontend"].close()


@contextmanager
def _backend() -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    settings = WorkerSettings(http_host="127.0.0.1", http_port=port)  # type: ignore[call-arg]
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=[run_worker(settings, stop)])
    thread.start()
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _answers(f"{url}/healthz"), bool)
        yield url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False
