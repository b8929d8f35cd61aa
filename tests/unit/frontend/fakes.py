"""The four services in memory, as the frontend's clients see them: they fail when a test wants it.

Written by hand and small; how the real SDKs behave is tested against the local cloud.
"""

import base64
import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from azure.core.credentials import AccessTokenInfo
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.cosmos.exceptions import CosmosHttpResponseError, CosmosResourceNotFoundError
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import ServiceBusAuthorizationError
from flask import Flask
from joserfc import jws
from joserfc.jwk import OKPKey

from contract import RECEIPT_ALGORITHM, OrderDocument, OrderMessage, Receipt
from frontend.bootstrap import create_app
from frontend.settings import Settings
from workload.credential import WatchedCredential

SETTINGS = Settings(
    azure_keyvault_resourceendpoint="https://vault.example",
    azure_cosmos_resourceendpoint="https://cosmos.example",
    azure_storageblob_resourceendpoint="https://blob.example",
    azure_servicebus_fullyqualifiednamespace="namespace.example",
)


ORDER = {"product": "Brass key", "quantity": 2}
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}  # as a browser says it


class Fallible:
    """Raise `failure` at every call, if there is one."""

    failure: Exception | None = None

    def called(self) -> None:
        if self.failure:
            raise self.failure


class FakeVault(Fallible):
    """Secrets and their versions, the oldest first; `receipt-signing-key` is refused."""

    def __init__(self) -> None:
        self.versions: dict[str, list[SimpleNamespace]] = {}
        self.reads: list[str] = []

    def add(self, name: str, value: str, published: float | None = None, enabled: bool = True) -> str:
        version = uuid.uuid4().hex
        created = datetime.fromtimestamp(published if published is not None else time.time(), UTC)
        properties = SimpleNamespace(version=version, enabled=enabled, created_on=created)
        self.versions.setdefault(name, []).append(SimpleNamespace(value=value, properties=properties))
        return version

    def list_properties_of_secret_versions(self, name: str) -> Iterator[SimpleNamespace]:
        self.called()
        return iter([secret.properties for secret in self.versions.get(name, [])])

    def get_secret(self, name: str, version: str | None = None) -> SimpleNamespace:
        self.called()
        self.reads.append(name)
        if name == "receipt-signing-key":
            error = HttpResponseError("(Forbidden) Caller is not authorized to perform action on resource.")
            error.status_code = 403
            raise error
        found = [secret for secret in self.versions.get(name, []) if version in (None, secret.properties.version)]
        if not found:
            raise ResourceNotFoundError(f"(SecretNotFound) A secret with {name}/{version} was not found")
        return found[-1]


class FakeSender(AbstractContextManager["FakeSender"]):
    def __init__(self, bus: "FakeServiceBus") -> None:
        self.bus = bus
        self.busy = False
        self.closed = False
        self.sent = 0

    def __enter__(self) -> "FakeSender":
        self.bus.called()
        self.bus.opened.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send_messages(self, message: ServiceBusMessage | list[ServiceBusMessage]) -> None:
        assert not self.busy, "two threads share a sender"
        assert not self.closed, "a closed sender is used again"
        self.busy = True
        try:
            self.bus.called()
            time.sleep(0.001)  # long enough for another thread to collide
            batch = message if isinstance(message, list) else [message]
            self.bus.take(batch)
            self.sent += len(batch)
        finally:
            self.busy = False

    def close(self) -> None:
        self.closed = True


class FakeServiceBus(Fallible):
    """A queue that may be sent to; a receiver is refused."""

    sender = FakeSender

    def __init__(self) -> None:
        self.messages: list[ServiceBusMessage] = []
        self.opened: list[FakeSender] = []

    def take(self, batch: list[ServiceBusMessage]) -> None:
        """Take a batch whole, or refuse it whole."""
        self.messages.extend(batch)

    def get_queue_sender(self, queue: str) -> FakeSender:
        assert queue == "orders"
        return self.sender(self)

    def get_queue_receiver(self, _queue: str, **_options: object) -> FakeSender:
        raise ServiceBusAuthorizationError(message="Unauthorized access. 'Listen' claim(s) are required.")

    def bodies(self) -> list[OrderMessage]:
        return [OrderMessage.model_validate_json(b"".join(message.body)) for message in self.messages]


class FakePages:
    """Pages of two, so that tests need few orders. Each tells the hook where the next one begins, as an answer does."""

    def __init__(self, items: list[dict[str, Any]], start: int, hook: Callable[..., None]) -> None:
        self._items = items
        self._start = start
        self._hook = hook

    def __iter__(self) -> "FakePages":
        return self

    def __next__(self) -> Iterator[dict[str, Any]]:
        page = self._items[self._start : self._start + 2]
        self._start += 2
        self._hook({"x-ms-continuation": str(self._start)} if self._start < len(self._items) else {}, page)
        if not page:
            raise StopIteration
        return iter(page)


class FakeOrders(Fallible):
    """The container `orders`, read only."""

    def __init__(self) -> None:
        self.documents: dict[tuple[str, str], dict[str, Any]] = {}

    def read(self) -> dict[str, Any]:
        self.called()
        return {"id": "orders"}

    def read_item(self, item: str, partition_key: str) -> dict[str, Any]:
        self.called()
        try:
            return self.documents[partition_key, item]
        except KeyError:
            raise CosmosResourceNotFoundError(404, "Resource Not Found") from None

    def query_items(
        self, _query: str, *, partition_key: str, response_hook: Callable[..., None], **_: object
    ) -> SimpleNamespace:
        self.called()
        mine = [document for (customer, _id), document in self.documents.items() if customer == partition_key]
        mine.sort(key=lambda document: document["acceptedAt"], reverse=True)
        return SimpleNamespace(by_page=lambda token: FakePages(mine, int(token or 0), response_hook))

    def create_item(self, _item: dict[str, Any]) -> None:
        raise CosmosHttpResponseError(403, "Request blocked by Auth: principal lacks items/create")


class FakeReceipts(Fallible):
    """The container `receipts`, read only."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def download_blob(self, name: str) -> SimpleNamespace:
        self._asked(name)
        return SimpleNamespace(readall=lambda: self.blobs[name])

    def get_blob_client(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(get_blob_properties=lambda **_options: self._asked(name))

    def _asked(self, name: str) -> None:
        self.called()
        if name not in self.blobs:
            error = ResourceNotFoundError("The specified blob does not exist.")
            error.error_code = "BlobNotFound"  # type: ignore[attr-defined]
            raise error

    def list_blob_names(self, **_: object) -> Iterator[str]:
        self.called()
        return iter(self.blobs)

    def upload_blob(self, _name: str, _data: bytes) -> None:
        error = HttpResponseError("This request is not authorized to perform this operation.")
        error.status_code = 403
        error.error_code = "AuthorizationPermissionMismatch"  # type: ignore[attr-defined]
        raise error


class FakeIdentity(Fallible):
    """Return a token for any scope. It is not signed, because the other fakes do not verify it."""

    def get_token_info(self, *scopes: str, **_: object) -> AccessTokenInfo:
        self.called()
        claims = {"aud": scopes[0], "oid": "o-1", "appid": "a-1", "uti": f"u-{scopes[0]}", "exp": 2_000_000_000}
        payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        return AccessTokenInfo(f"e30.{payload}.SECRET-SIGNATURE", 2_000_000_000)

    get_token = get_token_info


@dataclass
class FakeClients:
    """The frontend's clients. A credential can be refused."""

    azure: "FakeAzure"
    closed: bool = False

    def credential(self) -> WatchedCredential:
        self.azure.identity.called()
        return self.azure.credential

    def secrets(self) -> FakeVault:
        return self.azure.vault

    def orders(self) -> FakeOrders:
        return self.azure.orders

    def receipts(self) -> FakeReceipts:
        return self.azure.receipts

    def servicebus(self) -> FakeServiceBus:
        return self.azure.bus

    def close(self) -> None:
        assert all(sender.closed for sender in self.azure.bus.opened), "a sender is open and its client is closed"
        self.closed = True


@dataclass
class FakeAzure:
    """All services, and what the worker does with an order."""

    vault: FakeVault = field(default_factory=FakeVault)
    bus: FakeServiceBus = field(default_factory=FakeServiceBus)
    orders: FakeOrders = field(default_factory=FakeOrders)
    receipts: FakeReceipts = field(default_factory=FakeReceipts)
    identity: FakeIdentity = field(default_factory=FakeIdentity)

    def __post_init__(self) -> None:
        self.vault.add("frontend-signing-key", "the first key")
        self.receipt_key = OKPKey.generate_key("Ed25519")
        self.kid = self.vault.add("receipt-public-key", self.receipt_key.as_pem(private=False).decode())
        self.credential = WatchedCredential(self.identity)

    def clients(self) -> "FakeClients":
        return FakeClients(self)

    def app(self) -> Flask:
        """Build the application over these fakes, and read its signing key."""
        app = create_app(SETTINGS, self.clients())
        app.extensions["frontend"].keys.current()
        return app

    def process(self, message: OrderMessage, kid: str | None = None) -> OrderDocument:
        """Make the order's receipt and document as the worker does, if its id is new."""
        receipted = datetime.now(UTC)
        receipt = Receipt(**message.model_dump(exclude={"version"}), receiptedAt=receipted)
        header = {"alg": RECEIPT_ALGORITHM, "kid": kid or self.kid}
        token = jws.serialize_compact(
            header, receipt.model_dump_json(), self.receipt_key, algorithms=[RECEIPT_ALGORITHM]
        )
        self.receipts.blobs.setdefault(message.receipt_name, token.encode())
        document = OrderDocument(
            id=message.orderId,
            customerId=message.customerId,
            order=message.order,
            digest=message.order.digest(),
            acceptedAt=message.acceptedAt,
            receiptedAt=receipted,
            receipt=message.receipt_name,
        )
        self.orders.documents.setdefault((document.customerId, document.id), document.model_dump(mode="json"))
        return document


def served() -> Flask:
    """Build the application over fakes of its own, for gunicorn."""
    return create_app(SETTINGS, FakeAzure().clients())
