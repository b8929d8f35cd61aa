"""One credential and one client per service and process, each made at first use.

At first use, because the frontend starts without access and says on `/readyz` what is missing: a credential without
its variables raises in its constructor, and `CosmosClient` asks for its account there.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import requests
from azure.core.pipeline.transport import RequestsTransport
from azure.cosmos import ContainerProxy, CosmosClient
from azure.identity import WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.servicebus import ServiceBusClient, TransportType
from azure.storage.blob import BlobServiceClient, ContainerClient
from requests.adapters import HTTPAdapter

from frontend.credential import Credential
from frontend.settings import Settings

Client = TypeVar("Client")

_CONNECTIONS = 32  # to one service: no fewer than a process has threads, or requests would close what it then reopens

# A page waits for these calls, so each gives up soon: seconds to connect, seconds to wait for an answer, retries.
_TIMES: dict[str, Any] = {"connection_timeout": 3, "read_timeout": 5}
_HTTP_BOUNDS: dict[str, Any] = {**_TIMES, "retry_total": 1}
_BLOB_BOUNDS: dict[str, Any] = {**_HTTP_BOUNDS, "initial_backoff": 0, "increment_base": 1, "random_jitter_range": 1}
"""Blob Storage's client has a retry policy of its own, which waits for 15 seconds before its first retry."""


class Once(Generic[Client]):
    """Makes a client when it is first asked for, once; where making it raises, the next call tries again."""

    def __init__(self, make: Callable[[], Client]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._client: Client | None = None

    def __call__(self) -> Client:
        if self._client is None:
            with self._lock:
                if self._client is None:
                    self._client = self._make()
        return self._client


@dataclass(frozen=True, slots=True)
class Clients:
    """What the frontend speaks to Azure with. Each is called to get the client, and may raise what the SDK raises."""

    credential: Callable[[], Credential]
    secrets: Callable[[], SecretClient]
    orders: Callable[[], ContainerProxy]
    receipts: Callable[[], ContainerClient]
    servicebus: Callable[[], ServiceBusClient]


def connect(settings: Settings) -> Clients:
    """The real clients. No call leaves the process yet."""
    # With AKS identity bindings this goes through the cluster's token proxy; without them it is the classic exchange.
    credential = Once(lambda: Credential(WorkloadIdentityCredential(enable_azure_proxy=True, **_HTTP_BOUNDS)))
    return Clients(
        credential=credential,
        secrets=Once(lambda: SecretClient(settings.azure_keyvault_resourceendpoint, credential(), **_HTTP_BOUNDS)),
        orders=Once(
            lambda: (
                CosmosClient(
                    settings.azure_cosmos_resourceendpoint, credential(), transport=_transport(), **_HTTP_BOUNDS
                )
                .get_database_client(settings.orders_database)
                .get_container_client(settings.orders_container)
            )
        ),
        receipts=Once(
            lambda: BlobServiceClient(
                settings.azure_storageblob_resourceendpoint, credential(), transport=_transport(), **_BLOB_BOUNDS
            ).get_container_client(settings.receipts_container)
        ),
        servicebus=Once(
            lambda: ServiceBusClient(
                settings.azure_servicebus_fullyqualifiednamespace,
                credential(),
                custom_endpoint_address=settings.azure_servicebus_custom_endpoint_address,
                # Said explicitly: with a custom endpoint the SDK would go over to WebSockets.
                transport_type=TransportType.Amqp,
                connection_verify=str(settings.ssl_cert_file) if settings.ssl_cert_file else None,
                try_timeout=3,  # seconds for one attempt; unbounded otherwise, and a request would hang with the broker
                retry_total=1,
                retry_backoff_max=1,
            )
        ),
    )


def _transport() -> RequestsTransport:
    """The SDK's own transport with a larger pool: the one it makes by itself keeps ten connections."""
    session = requests.Session()
    session.mount("https://", HTTPAdapter(pool_maxsize=_CONNECTIONS))
    return RequestsTransport(session=session, **_TIMES)
