"""A disk that is full, under the whole local cloud.

Callers are told to try again, nothing that was acknowledged is lost, the terminal stays calm, and once there is room
everything goes on by itself.

The running program is forbidden to make its files larger, as any user may do with a process of one's own: to SQLite and
to the audit trail that is a disk that takes nothing more.
"""

import contextlib
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import AzureError
from azure.cosmos import ContainerProxy, CosmosClient
from azure.identity import WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusReceiver, TransportType
from azure.servicebus.exceptions import ServiceBusConnectionError, ServiceBusError, ServiceBusServerBusyError
from localcloud.authorization import audit
from localcloud.authorization.model import TENANT_ID, client_id

resource = pytest.importorskip("resource")
pytestmark = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")
ACCESS = Path(__file__).parent / "access.yaml"


class Program:
    """`localcloud run`, and the SDKs of a workload beside it."""

    def __init__(self, folder: Path, azurite: Path) -> None:
        self.state = folder / "state"
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "localcloud", "run", "--access", str(ACCESS), "--state", str(self.state)),
                *("--azurite", str(azurite), "--proxy-port", "0", "--amqp-port", "0"),
                *("--project", f"test/owner={folder / 'owner'}"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        answering = re.search(r"through (\S+), AMQP on port (\d+)", self._process.stdout.readline())
        assert answering is not None
        self.proxy, self.amqp = answering[1], answering[2]
        self.ca = str(self.state / "tls" / "ca.pem")
        token = folder / "owner" / "token" / "azure-identity-token"
        deadline = time.monotonic() + 10
        while not token.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        self.token_file = str(token)

    @contextlib.contextmanager
    def full_disk(self) -> Iterator[None]:
        soft, hard = resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (0, hard))
        try:
            yield
        finally:
            resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (soft, hard))

    def stop(self) -> str:
        """What it printed; it must have ended in order."""
        self._process.send_signal(signal.SIGINT)
        said, _ = self._process.communicate(timeout=30)
        assert self._process.returncode == 0
        return said

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def bus(self, credential: WorkloadIdentityCredential) -> ServiceBusClient:
        return ServiceBusClient(
            "localcloud.servicebus.windows.net",
            credential,
            custom_endpoint_address=f"sb://127.0.0.1:{self.amqp}",
            transport_type=TransportType.Amqp,
            connection_verify=self.ca,
            retry_total=0,
        )


@pytest.fixture
def program(azurite: Path) -> Iterator[Program]:
    with tempfile.TemporaryDirectory(prefix="full-") as folder:
        running = Program(Path(folder), azurite)
        try:
            yield running
        finally:
            running.kill()


@pytest.fixture
def credential(program: Program, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkloadIdentityCredential]:
    for name in ("https_proxy", "CURL_CA_BUNDLE", "SSL_CERT_DIR", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", program.proxy)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", program.ca)
    identity = {"tenant_id": TENANT_ID, "client_id": client_id("owner"), "token_file_path": program.token_file}
    with WorkloadIdentityCredential(authority="https://login.microsoftonline.com", **identity) as credential:
        yield credential


def until(attempt: Callable[[], Any], seconds: float = 20) -> Any:
    """The first result of what may fail at first."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except AzureError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def received(receiver: ServiceBusReceiver, last: str) -> list[str]:
    """The bodies that come until this one has come, all completed."""
    bodies: list[str] = []
    deadline = time.monotonic() + 30
    while last not in bodies:
        assert time.monotonic() < deadline
        with contextlib.suppress(ServiceBusError):  # a connection that the outage has ended
            for message in receiver.receive_messages(max_message_count=50, max_wait_time=5):
                receiver.complete_message(message)
                bodies.append(str(message))
    return bodies


def test_a_full_disk_is_told_waited_for_and_survived(program: Program, credential: WorkloadIdentityCredential) -> None:
    """Every service refuses to store with an error that SDKs try again, and reads on; the broker waits."""
    secrets = SecretClient("https://localcloud.vault.azure.net", credential, retry_total=0)
    documents = CosmosClient("https://localcloud.documents.azure.com", credential, retry_total=0)
    items: ContainerProxy = documents.get_database_client("shop").get_container_client("items")
    with (
        program.bus(credential) as client,
        client.get_queue_sender("other") as sender,
        client.get_queue_receiver("other") as receiver,
    ):
        sender.send_messages(ServiceBusMessage("held"))
        (held,) = receiver.receive_messages(max_wait_time=5)
        acknowledged, refusals = ["before"], []
        sender.send_messages(ServiceBusMessage("before"))
        secrets.set_secret("alpha", "before")
        items.upsert_item({"id": "1", "pk": "a", "when": "before"})

        with program.full_disk():
            for number in range(30):
                try:
                    sender.send_messages(ServiceBusMessage(str(number)))
                    acknowledged.append(str(number))
                except (ServiceBusServerBusyError, ServiceBusConnectionError) as error:
                    refusals.append(type(error))
            with pytest.raises(ServiceBusError):
                receiver.complete_message(held)
            for _ in range(3):
                with pytest.raises(AzureError) as refused:
                    items.upsert_item({"id": "2", "pk": "a"})
                assert refused.value.status_code == 503  # type: ignore[attr-defined]
                with pytest.raises(AzureError) as refused:
                    secrets.set_secret("alpha", "while it was full")
                assert refused.value.status_code == 503  # type: ignore[attr-defined]
            assert items.read_item("1", "a")["when"] == "before"
            assert secrets.get_secret("alpha").value == "before"
            assert until(lambda: receiver.peek_messages(5))
            assert set(refusals[1:]) == {ServiceBusServerBusyError}, "only the first ends the connection"

        assert acknowledged == ["before"], "what can't be stored is not acknowledged"
        until(lambda: sender.send_messages(ServiceBusMessage("after")))
        bodies = received(receiver, "after")
        assert [body for body in bodies if body in ("held", *acknowledged, "after")] == ["held", "before", "after"]
        until(lambda: items.upsert_item({"id": "2", "pk": "a"}))
        until(lambda: secrets.set_secret("alpha", "after"))
        assert items.read_item("2", "a")["id"] == "2"

    said = program.stop()
    assert "Traceback" not in said
    assert len(said.splitlines()) < 40, said
    for service in ("Service Bus", "Cosmos DB", "Key Vault"):
        tries = re.findall(
            f"✗ {service} can store nothing at the moment: disk I/O error(?: .and (\\d+) times? more.)?", said
        )
        assert tries, service
        assert sum(int(repeats or 1) for repeats in tries) < 50, "it does not wait between its tries"
    with contextlib.closing(sqlite3.connect(program.state / "cosmos.sqlite")) as database:
        assert database.execute("SELECT id FROM items ORDER BY id").fetchall() == [("1",), ("2",)]
    trail = audit.read(program.state / "audit.jsonl")
    assert [entry["allowed"] for entry in trail if entry["kind"] == "access"][-1]
