"""A client of each service, opened with the workload's credential.

Nothing here depends on where the workload runs: the names are Azure's own everywhere. No client connects before it is
used. Each repeats a failed call briefly. What takes longer the worker repeats itself, and keeps the message meanwhile.
"""

from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos.aio import CosmosClient
from azure.keyvault.secrets.aio import SecretClient
from azure.servicebus import TransportType
from azure.servicebus.aio import ServiceBusClient
from azure.storage.blob.aio import BlobServiceClient

from backend.amqp.encoded_messages import keep_encoded
from workload.aio import WatchedCredential
from workload.settings import AmqpEndpoint, HttpsEndpoints

LINK_TIMEOUT = 6.0  # seconds for opening one link, the token included


def secret_client(endpoints: HttpsEndpoints, credential: WatchedCredential) -> SecretClient:
    """Return a client of Key Vault."""
    vault = endpoints.azure_keyvault_resourceendpoint
    return SecretClient(vault, credential, retry_total=2, **_https(vault))


def cosmos_client(endpoints: HttpsEndpoints, credential: WatchedCredential) -> CosmosClient:
    """Return a client of Cosmos DB. By default it would retry nine times if the account is throttled."""
    account = endpoints.azure_cosmos_resourceendpoint
    return CosmosClient(account, credential, retry_throttle_total=1, **_https(account))


def blob_client(endpoints: HttpsEndpoints, credential: WatchedCredential) -> BlobServiceClient:
    """Return a client of Blob Storage. By default it would wait for 15 seconds before it retries."""
    account = endpoints.azure_storageblob_resourceendpoint
    backoff: dict[str, Any] = {"initial_backoff": 1, "increment_base": 1, "retry_total": 2}
    return BlobServiceClient(account, credential, **backoff, **_https(account))


def servicebus_client(endpoint: AmqpEndpoint, credential: WatchedCredential) -> ServiceBusClient:
    """Return a client of Service Bus: AMQP over TLS on port 5671. With a custom endpoint it would choose WebSockets.

    Its receivers also receive messages that the SDK can't decode (see `amqp.encoded_messages`).
    """
    keep_encoded()
    return ServiceBusClient(
        endpoint.azure_servicebus_fullyqualifiednamespace,
        credential,
        transport_type=TransportType.Amqp,
        custom_endpoint_address=endpoint.azure_servicebus_custom_endpoint_address,
        connection_verify=endpoint.ssl_cert_file,
        try_timeout=LINK_TIMEOUT,
        retry_total=1,
    )


def _https(endpoint: str) -> dict[str, Any]:
    """Return the options that have a client use the environment's proxy (`HTTPS_PROXY`, `NO_PROXY`), read once.

    By default each request would read it again, and a netrc file, in another thread: six times for an order.
    """
    proxies = {} if proxy_bypass(urlsplit(endpoint).netloc) else getproxies()
    return {"transport": AioHttpTransport(use_env_settings=False), "proxies": proxies}
