"""A broker alone, for the tests of Service Bus: its queues, its callers' roles and its clock are the test's own."""

import asyncio
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import trustme
from azure.core.credentials import AccessToken, AccessTokenInfo
from azure.servicebus import (
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceivedMessage,
    ServiceBusReceiver,
    ServiceBusSender,
    ServiceBusSubQueue,
    TransportType,
)
from azure.servicebus.aio import ServiceBusClient as AioServiceBusClient
from joserfc import jwt
from joserfc.jwk import RSAKey
from localcloud.authorization.audit import Audit, read
from localcloud.authorization.guard import Guard
from localcloud.authorization.model import AccessModel, Entities, principal_id
from localcloud.authorization.tokens import TokenVerifier
from localcloud.servicebus.broker import Broker

NAMESPACE = "test.servicebus.windows.net"
AUDIENCE = "https://servicebus.azure.net"
ISSUER = "https://sts.windows.net/test/"
KEY = RSAKey.generate_key(2048, private=True)

T = TypeVar("T")

_ROLES = {
    "Sender": {"kind": "custom", "dataActions": ["Microsoft.ServiceBus/*/send/action"]},
    "Receiver": {"kind": "custom", "dataActions": ["Microsoft.ServiceBus/*/receive/action"]},
    "Queue Reader": {"kind": "custom", "actions": ["Microsoft.ServiceBus/namespaces/queues/read"]},
}
_WORKLOADS = {
    "sender": ["Sender"],
    "receiver": ["Receiver"],
    "both": ["Sender", "Receiver", "Queue Reader"],
    "nobody": [],
}


def access_model(queues: dict[str, dict[str, Any]], **grants: list[str]) -> AccessModel:
    """Every workload holds its roles on every queue; `grants` replaces those of a workload."""
    scopes = Entities.model_validate({"serviceBus": queues}).scopes()
    workloads = {
        name: {
            "namespace": "test",
            "serviceAccount": name,
            "grants": [{"role": role, "scope": scope} for role in roles for scope in scopes],
        }
        for name, roles in {**_WORKLOADS, **grants}.items()
    }
    return AccessModel.model_validate({"entities": {"serviceBus": queues}, "roles": _ROLES, "workloads": workloads})


def token(
    workload: str, lifetime: float = 3600, audience: str = AUDIENCE, issuer: str = ISSUER, now: float | None = None
) -> str:
    """An access token as the local Entra signs them."""
    issued = int(time.time() if now is None else now)
    claims = {
        "iss": issuer,
        "aud": audience,
        "oid": principal_id(workload),
        "appid": str(uuid.uuid4()),
        "uti": uuid.uuid4().hex,
        "nbf": issued,
        "exp": issued + lifetime,
    }
    return jwt.encode({"alg": "RS256"}, claims, KEY)


class Credential:
    """Shows tokens of one workload. Its clients believe each to be good for an hour, whatever its lifetime is."""

    def __init__(self, workload: str, lifetime: Callable[[], float] = lambda: 3600, **of_token: Any) -> None:
        self._make: Callable[[], str] = lambda: token(workload, lifetime(), **of_token)

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken(self._make(), int(time.time()) + 3600)

    def get_token_info(self, *_: str, **__: Any) -> AccessTokenInfo:
        return AccessTokenInfo(self._make(), int(time.time()) + 3600)


class AioCredential(Credential):
    """The asyncio flavour."""

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:  # type: ignore[override]
        return super().get_token(*scopes, **options)

    async def get_token_info(self, *scopes: str, **options: Any) -> AccessTokenInfo:  # type: ignore[override]
        return super().get_token_info(*scopes, **options)

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> "AioCredential":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


class RunningBroker:
    """A broker in an event loop of its own thread, which outlives a restart of the broker."""

    def __init__(self, folder: Path, queues: dict[str, dict[str, Any]], **options: Any) -> None:
        self.folder = folder
        self.queues = queues
        self.model = access_model(queues)
        self.audit = Audit(folder / "audit.jsonl")
        self._options = options
        self._ca = trustme.CA()
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._ca.issue_cert(NAMESPACE, "127.0.0.1").configure_cert(self._tls)
        self.ca_bundle = str(folder / "ca.pem")
        self._ca.cert_pem.write_to_path(self.ca_bundle)
        self._handlers: list[ServiceBusSender | ServiceBusReceiver] = []
        self._senders: dict[str, ServiceBusSender] = {}
        self._receivers: dict[str, ServiceBusReceiver] = {}
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.start()

    def start(self) -> None:
        clock = self._options.get("clock", time.time)
        guard = Guard(TokenVerifier(KEY, ISSUER, clock), lambda: self.model, self.audit, frozenset({AUDIENCE}))
        self.guard = guard

        async def start() -> None:
            database = self.folder / "servicebus.sqlite"
            entities = self.model.entities
            self.broker = Broker(guard, entities.serviceBus, entities.topics, database, NAMESPACE, **self._options)
            self.port = await self.broker.start("127.0.0.1", 0, self._tls)

        self.run(start())

    def stop(self) -> None:
        self.run(self.broker.close())

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        with ThreadPoolExecutor(64) as pool:  # the SDK takes a second to close each
            list(pool.map(lambda handler: handler.close(), self._handlers))
        self.stop()
        self.loop.call_soon_threadsafe(self.loop.stop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def connections(self) -> int:
        """How many sockets the broker's server holds."""
        return len(self.broker._connections)

    @contextmanager
    def unwritable(self) -> Iterator[None]:
        """The broker's database takes no write, as on a full disk."""

        async def set_query_only(on: bool) -> None:
            self.broker._state._database.execute(f"PRAGMA query_only = {int(on)}")

        self.run(set_query_only(True))
        try:
            yield
        finally:
            self.run(set_query_only(False))

    def trail(self) -> list[dict[str, Any]]:
        return read(self.folder / "audit.jsonl")

    def client(self, workload: str = "both", credential: Credential | None = None, **options: Any) -> ServiceBusClient:
        return ServiceBusClient(
            NAMESPACE, credential or Credential(workload), **self._connection(), **{"retry_total": 0, **options}
        )

    def aio_client(self, workload: str = "both", **options: Any) -> AioServiceBusClient:
        return AioServiceBusClient(
            NAMESPACE,
            AioCredential(workload),  # type: ignore[arg-type]
            **self._connection(),
            **{"retry_total": 0, **options},
        )

    def sender(self, queue: str, workload: str = "both", **options: Any) -> ServiceBusSender:
        """A sender of its own connection, closed with the broker."""
        if queue in self._senders and workload == "both" and not options:
            return self._senders[queue]
        self._handlers.append(sender := self.client(workload, **options).get_queue_sender(queue))
        return sender

    def receiver(self, queue: str, workload: str = "both", **options: Any) -> ServiceBusReceiver:
        """A receiver of its own connection, closed with the broker."""
        if queue in self._receivers and workload == "both" and not options:
            return self._receivers[queue]
        self._handlers.append(receiver := self.client(workload).get_queue_receiver(queue, **options))
        return receiver

    def connect(self) -> None:
        """Opens a sender and a receiver of every queue at once, for `sender` and `receiver` to hand out.

        The SDK takes half a second for each, most of it asleep.
        """
        queues = self.model.entities.serviceBus
        senders = {queue: self.sender(queue) for queue in queues}
        receivers = {queue: self.receiver(queue) for queue, about in queues.items() if not about.requiresSession}
        with ThreadPoolExecutor(64) as pool:
            list(pool.map(lambda handler: handler.__enter__(), [*senders.values(), *receivers.values()]))
        self._senders, self._receivers = senders, receivers

    def topic_sender(self, topic: str, workload: str = "both", **options: Any) -> ServiceBusSender:
        """A sender of its own connection, closed with the broker."""
        self._handlers.append(sender := self.client(workload, **options).get_topic_sender(topic))
        return sender

    def subscription_receiver(
        self, topic: str, subscription: str, workload: str = "both", **options: Any
    ) -> ServiceBusReceiver:
        """A receiver of its own connection, closed with the broker."""
        client = self.client(workload)
        self._handlers.append(receiver := client.get_subscription_receiver(topic, subscription, **options))
        return receiver

    def dead_letters(self, queue: str) -> ServiceBusReceiver:
        return self.receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER)

    def send(self, queue: str, *bodies: str, **options: Any) -> None:
        """Sends a message for each body."""
        self.sender(queue).send_messages([ServiceBusMessage(body, **options) for body in bodies])

    def _connection(self) -> dict[str, Any]:
        return {
            "custom_endpoint_address": f"sb://127.0.0.1:{self.port}",
            "transport_type": TransportType.Amqp,
            "connection_verify": self.ca_bundle,
        }


def one_of(receiver: ServiceBusReceiver) -> ServiceBusReceivedMessage:
    """The next message, which must come within 5 seconds."""
    messages = receiver.receive_messages(max_message_count=1, max_wait_time=5)
    assert messages, "no message came"
    return messages[0]


def all_of(receiver: ServiceBusReceiver) -> list[ServiceBusReceivedMessage]:
    """What is there, received and completed."""
    messages = receiver.receive_messages(max_message_count=20, max_wait_time=1)
    for message in messages:
        receiver.complete_message(message)
    return messages


def bodies(receiver: ServiceBusReceiver) -> list[str]:
    return [str(message) for message in all_of(receiver)]


def many_of(receiver: ServiceBusReceiver, number: int) -> list[ServiceBusReceivedMessage]:
    """The next messages, each of which must come within 5 seconds of the one before."""
    messages: list[ServiceBusReceivedMessage] = []
    while len(messages) < number:
        more = receiver.receive_messages(max_message_count=number - len(messages), max_wait_time=5)
        assert more, f"only {len(messages)} messages came"
        messages += more
    return messages


def until(condition: Callable[[], bool]) -> None:
    """Waits for what must come about within 5 seconds."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)
