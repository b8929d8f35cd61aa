"""The frontend over the fakes, served by gunicorn with the service's own configuration, in processes of its own."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.e2e.waiting import until
from tests.unit.frontend.fakes import SETTINGS

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Server:
    """gunicorn's main process, and the port on which it listens."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def client(self, timeout: float = 5) -> httpx.Client:
        """Make a client whose requests wait as long as the kubelet does for a probe."""
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=timeout, trust_env=False)

    def connect(self, narrow: bool = False) -> socket.socket:
        """Open a connection for the test's own bytes. A wait on it fails after 30 seconds.

        A narrow one has little room for answers that are not taken, on this side and on the server's.
        """
        connection = socket.socket()
        if narrow:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        connection.settimeout(30)
        connection.connect(("127.0.0.1", self.port))
        return connection

    def ask(self, request: bytes) -> bytes:
        """Send these bytes; return what is answered until the server closes the connection."""
        with self.connect() as connection:
            connection.sendall(request)
            return received(connection)


def received(connection: socket.socket) -> bytes:
    """Return what comes until the server closes the connection."""
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while more := connection.recv(65536):
            answer += more
    return answer


@contextlib.contextmanager
def served(
    *arguments: str, application: str = "tests.unit.frontend.fakes:served()", **settings: str
) -> Iterator[Server]:
    """Run gunicorn with these arguments and environment variables until the context is left."""
    endpoints = {name.upper(): str(value) for name, value in SETTINGS if name.startswith("azure") and value}
    environment = {"PATH": os.environ["PATH"], "HTTP_HOST": "127.0.0.1", "HTTP_PORT": "0", **endpoints, **settings}
    command = [sys.executable, "-m", "gunicorn", "--config", "python:frontend.gunicorn_conf", *arguments, application]
    with tempfile.TemporaryDirectory(prefix="frontend-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        try:
            found = until(lambda: re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", log.read_text()), bool)
            assert found is not None
            server = Server(process, int(found[1]), log)
            with server.client() as client:
                until(lambda: client.get("/healthz"), lambda answer: answer.status_code == 200)
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
