"""The frontend's one credential, and its client for each service. None of them holds a key or a password."""

from contextlib import ExitStack
from typing import Any

import requests
from azure.core.pipeline.transport import RequestsTransport
from azure.cosmos import ContainerProxy, CosmosClient
from azure.identity import WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.servicebus import ServiceBusClient, TransportType
from azure.storage.blob import BlobServiceClient, ContainerClient
from requests.adapters import HTTPAdapter
from workload.credential import WatchedCredential

from frontend.identity.once import once
from frontend.settings import Settings

# A page waits for these calls, so each gives up soon: seconds to connect, seconds to wait for an answer, retries.
_TIMEOUTS: dict[str, Any] = {"connection_timeout": 3, "read_timeout": 5}
_HTTP: dict[str, Any] = {**_TIMEOUTS, "retry_total": 1}
# Blob Storage's client has a retry policy of its own, which waits for 15 seconds before its first retry.
_BLOB: dict[str, Any] = {**_HTTP, "initial_backoff": 0, "increment_base": 1, "random_jitter_range": 1}


class Clients:
    """Make each client when it is first used, and close them all at the end.

    So the frontend starts without access, and `/readyz` says what is missing: a credential raises `ValueError` if its
    variables are missing, and `CosmosClient` asks for its account when it is made.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened = ExitStack()

    @once
    def credential(self) -> WatchedCredential:
        """Return the pod's identity. It exchanges the projected token for an access token of each service."""
        # With AKS identity bindings the exchange goes through the cluster's token proxy; without them, to Entra.
        credential = WatchedCredential(WorkloadIdentityCredential(enable_azure_proxy=True, **_HTTP))
        self._opened.callback(credential.close)
        return credential

    @once
    def secrets(self) -> SecretClient:
        """Return the client of the vault."""
        vault = self._settings.azure_keyvault_resourceendpoint
        return self._opened.enter_context(SecretClient(vault, self.credential(), **_HTTP))

    @once
    def orders(self) -> ContainerProxy:
        """Return the client of Cosmos DB's container of orders."""
        account = self._settings.azure_cosmos_resourceendpoint
        client = CosmosClient(account, self.credential(), transport=_transport(), **_HTTP)
        self._opened.enter_context(client)
        database = client.get_database_client(self._settings.orders_database)
        return database.get_container_client(self._settings.orders_container)

    @once
    def receipts(self) -> ContainerClient:
        """Return the client of Blob Storage's container of receipts."""
        account = self._settings.azure_storageblob_resourceendpoint
        client = BlobServiceClient(account, self.credential(), transport=_transport(), **_BLOB)
        self._opened.enter_context(client)
        return client.get_container_client(self._settings.receipts_container)

    @once
    def servicebus(self) -> ServiceBusClient:
        """Return the client of the Service Bus namespace."""
        client = ServiceBusClient(
            self._settings.azure_servicebus_fullyqualifiednamespace,
            self.credential(),
            custom_endpoint_address=self._settings.azure_servicebus_custom_endpoint_address,
            transport_type=TransportType.Amqp,  # with a custom endpoint, the SDK would choose WebSockets
            connection_verify=self._settings.ssl_cert_file,
            try_timeout=3,  # seconds for one attempt; without it, a request would hang with the broker
            retry_total=1,
            retry_backoff_max=1,
        )
        return self._opened.enter_context(client)

    def close(self) -> None:
        """Close every client that was made, the credential last."""
        self._opened.close()


def _transport() -> RequestsTransport:
    """Return the SDK's transport with more connections: it keeps ten by itself, and a process has more threads."""
    session = requests.Session()
    session.mount("https://", HTTPAdapter(pool_maxsize=32))
    return RequestsTransport(session=session, **_TIMEOUTS)
