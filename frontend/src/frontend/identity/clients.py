"""The frontend's one credential, and the client of each service that uses it. None of them holds a key or a password.

A page waits for each call, so each gives up soon. Only `cosmos_client` calls its service when it is made.
"""

from typing import Any

import requests
from azure.core.pipeline.transport import RequestsTransport
from azure.cosmos import CosmosClient
from azure.identity import WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.servicebus import ServiceBusClient, TransportType
from azure.storage.blob import BlobServiceClient
from requests.adapters import HTTPAdapter

from workload.credential import WatchedCredential
from workload.settings import AmqpEndpoint, HttpsEndpoints

_TIMEOUTS: dict[str, Any] = {"connection_timeout": 3, "read_timeout": 5}  # seconds
_HTTP: dict[str, Any] = {**_TIMEOUTS, "retry_total": 1}


def workload_identity() -> WatchedCredential:
    """Return the pod's identity: it exchanges the projected token for an access token of each service.

    Raises `ValueError`, which names what is missing, if the webhook's variables (`AZURE_CLIENT_ID`, …) are not set.
    """
    # With AKS identity bindings the exchange goes through the cluster's token proxy; without them, to Entra.
    return WatchedCredential(WorkloadIdentityCredential(enable_azure_proxy=True, **_HTTP))


def secret_client(endpoints: HttpsEndpoints, credential: WatchedCredential) -> SecretClient:
    """Return a client of Key Vault."""
    return SecretClient(endpoints.azure_keyvault_resourceendpoint, credential, **_HTTP)


def cosmos_client(endpoints: HttpsEndpoints, credential: WatchedCredential) -> CosmosClient:
    """Return a client of Cosmos DB. It asks for the account's properties, and raises one of `SDK_ERRORS`."""
    return CosmosClient(endpoints.azure_cosmos_resourceendpoint, credential, transport=_transport(), **_HTTP)


def blob_client(endpoints: HttpsEndpoints, credential: WatchedCredential) -> BlobServiceClient:
    """Return a client of Blob Storage. By default it would wait for 15 seconds before it retries."""
    backoff: dict[str, Any] = {"initial_backoff": 0, "increment_base": 1, "random_jitter_range": 1}
    account = endpoints.azure_storageblob_resourceendpoint
    return BlobServiceClient(account, credential, transport=_transport(), **_HTTP, **backoff)


def servicebus_client(endpoint: AmqpEndpoint, credential: WatchedCredential) -> ServiceBusClient:
    """Return a client of Service Bus: AMQP over TLS. With a custom endpoint it would choose WebSockets."""
    return ServiceBusClient(
        endpoint.azure_servicebus_fullyqualifiednamespace,
        credential,
        transport_type=TransportType.Amqp,
        custom_endpoint_address=endpoint.azure_servicebus_custom_endpoint_address,
        connection_verify=endpoint.ssl_cert_file,
        try_timeout=3,  # seconds for one attempt; without it, a request would hang with the broker
        retry_total=1,
        retry_backoff_max=1,
    )


def _transport() -> RequestsTransport:
    """Return the SDK's transport with more connections: it keeps ten by itself, and a process has more threads."""
    session = requests.Session()
    session.mount("https://", HTTPAdapter(pool_maxsize=32))
    return RequestsTransport(session=session, **_TIMEOUTS)
