"""The command `redrive` as a process, on what the worker has dead-lettered, under Azure's own names."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import yaml
from azure.identity import WorkloadIdentityCredential
from azure.servicebus import (
    ServiceBusClient,
    ServiceBusReceivedMessage,
    ServiceBusSubQueue,
    TransportType,
)
from joserfc.jwk import OKPKey
from localcloud.servicebus.amqp.performatives import Rejected
from localcloud.testing import RawSender

from backend.amqp.encoded_messages import encoded_of, keep_encoded
from tests import amqp_messages as m

if TYPE_CHECKING:
    from localcloud.testing import RunningCloud


class Application:
    """A local cloud with the application's access model, and its queue as each workload's identity sees it."""

    def __init__(self, cloud: "RunningCloud") -> None:
        self.cloud = cloud
        key = OKPKey.generate_key("Ed25519").as_pem(private=True).decode()
        cloud.cloud.secrets.put("receipt-signing-key", key, {"kid": "one"})
        self.credentials = {
            workload: WorkloadIdentityCredential(**cloud.workload_identity(workload))
            for workload in ("frontend", "redrive")
        }

    def environment(self, workload: str) -> dict[str, str]:
        """The environment that the manifests and the webhook give to the workload's pod."""
        identity = self.cloud.workload_identity(workload)
        return {
            "PATH": os.environ["PATH"],
            "AZURE_CLIENT_ID": identity["client_id"],
            "AZURE_TENANT_ID": identity["tenant_id"],
            "AZURE_FEDERATED_TOKEN_FILE": identity["token_file_path"],
            "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
            "AZURE_KEYVAULT_RESOURCEENDPOINT": self.cloud.vault_url,
            "AZURE_COSMOS_RESOURCEENDPOINT": self.cloud.cosmos_url,
            "AZURE_STORAGEBLOB_RESOURCEENDPOINT": self.cloud.blob_url,
            "AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE": self.cloud.namespace,
            "AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS": self.cloud.amqp_endpoint,
            "HTTPS_PROXY": self.cloud.cloud.proxy_url,
            "SSL_CERT_FILE": self.cloud.ca_bundle,
            "HTTP_HOST": "127.0.0.1",
            "HTTP_PORT": "0",
        }

    @contextmanager
    def raw_sender(self) -> Iterator[RawSender]:
        """Puts messages into the queue as the bytes that they are."""
        token = self.credentials["frontend"].get_token("https://servicebus.azure.net/.default").token
        with RawSender.to(self.cloud, "orders", token) as sender:
            yield sender

    def dead_letters(self) -> list[ServiceBusReceivedMessage]:
        with (
            self.servicebus("redrive") as client,
            client.get_queue_receiver("orders", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver,
        ):
            found: list[ServiceBusReceivedMessage] = []
            while page := receiver.peek_messages(
                100, sequence_number=(found[-1].sequence_number or 0) + 1 if found else 1
            ):
                found += page
            return found

    def dead_letter_one(self) -> None:
        """Dead-letters the message that waits, with the reason `Why`."""
        with self.servicebus("redrive") as client, client.get_queue_receiver("orders") as receiver:
            (message,) = receiver.receive_messages(max_wait_time=10)
            receiver.dead_letter_message(message, reason="Why")

    def redrive(self, *arguments: str) -> str:
        """What `redrive` prints; it must succeed."""
        command = [sys.executable, "-m", "backend.redrive", *arguments]
        run = subprocess.run(command, env=self.environment("redrive"), capture_output=True, text=True, timeout=60)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def waiting(self, sub_queue: ServiceBusSubQueue | None = None) -> list[int]:
        """The sequence numbers of what is in the queue, or in its dead-letter queue."""
        with (
            self.servicebus("redrive") as client,
            client.get_queue_receiver("orders", sub_queue=sub_queue) as receiver,
        ):
            return [message.sequence_number or 0 for message in receiver.peek_messages(100)]

    def servicebus(self, workload: str) -> ServiceBusClient:
        return ServiceBusClient(
            self.cloud.namespace,
            self.credentials[workload],
            transport_type=TransportType.Amqp,
            custom_endpoint_address=self.cloud.amqp_endpoint,
            connection_verify=self.cloud.ca_bundle,
        )


@pytest.fixture(scope="module")
def application(start_cloud: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """A cloud with the application's access model. Locks expire after 5 seconds instead of a minute."""
    model = yaml.safe_load((Path(__file__).parents[2] / "infra" / "access.yaml").read_text())
    model["entities"]["serviceBus"]["orders"]["lockDuration"] = "PT5S"
    access = tmp_path_factory.mktemp("access") / "access.yaml"
    access.write_text(yaml.safe_dump(model))
    running = start_cloud(access, name="keyless")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTTPS_PROXY", running.cloud.proxy_url)
        patch.setenv("REQUESTS_CA_BUNDLE", running.ca_bundle)
        yield Application(running)


@pytest.fixture
def start(application: Application) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts Python programs with the backend's environment; none outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def program(*arguments: str, **settings: str) -> "subprocess.Popen[str]":
        environment = application.environment("backend") | settings
        started.append(
            subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL, text=True)
        )
        return started[-1]

    yield program
    for process in started:
        process.kill()
        process.wait()


def until(condition: Callable[[], Any], seconds: float = 40) -> Any:
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.2)
    return result


def test_what_would_stall_a_decoder_reaches_no_worker(application: Application) -> None:
    """The broker rejects a message that is no AMQP, or claims more elements than bytes, or has a property of lists."""
    kinds = m.DECODABLE | m.UNDECODABLE | m.BOMBS
    with application.raw_sender() as sender:
        for kind in m.REFUSED_AS_PROPERTY:
            outcome = sender.offer(m.message(m.data(m.order()), [("p", kinds[kind])]))
            assert isinstance(outcome, Rejected), kind
    assert application.waiting() == []


def test_redrive_lists_and_sends_back_whatever_the_worker_refused(
    application: Application, start: Callable[..., Any]
) -> None:
    """The valid order among the dead letters goes back. Messages that are no orders are listed with their reasons and
    kept, and one that is named goes back as it was."""
    keep_encoded()
    valid, other = uuid4().hex, uuid4().hex
    as_value = m.value(m.string(m.order(order_id=other)))
    with application.raw_sender() as sender:
        sender.put(m.message(m.data(m.order(order_id=valid))))
        application.dead_letter_one()
        sender.put(m.message(as_value, [("when", m.DECODABLE["timestamp"])]))
        sender.put(m.message(m.data(m.order(order_id=other)), [("p", m.UNDECODABLE["char"])]))
    earlier = len(application.dead_letters())
    worker = start("-m", "backend")
    until(lambda: len(application.dead_letters()) == earlier + 2)
    worker.kill()
    worker.wait()

    listed = {line.split()[0]: line for line in application.redrive("list").splitlines()}
    first, second, third = [str(letter.sequence_number) for letter in application.dead_letters()[earlier - 1 :]]
    assert listed[first].split()[1:3] == ["Why", valid]
    assert listed[second].split(maxsplit=3)[1:3] == ["InvalidOrder", "-"]
    assert listed[third].split(maxsplit=3)[1:3] == ["Undecodable", other]

    assert f"{first}  sent back" in application.redrive("resend", "--reason", "Why").splitlines()
    assert f"{second}  sent back" in application.redrive("resend", "--sequence", second).splitlines()
    with application.servicebus("redrive") as client, client.get_queue_receiver("orders") as receiver:
        returned = receiver.peek_messages(10)
    assert [str(letter.sequence_number) for letter in application.dead_letters()[earlier - 1 :]] == [third]
    assert [encoded_of(message).count(valid.encode()) for message in returned] == [1, 0]
    properties = m.parts(encoded_of(returned[1]))[m.APPLICATION_PROPERTIES][0]
    assert m.string("when") + m.DECODABLE["timestamp"] in properties
    assert encoded_of(returned[1]).endswith(as_value)
