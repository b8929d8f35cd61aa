"""One credential and one client for each service, for the whole life of the process.

Nothing here depends on where the worker runs: the names are Azure's own everywhere.
"""

import asyncio
from dataclasses import dataclass

from azure.cosmos.aio import CosmosClient
from azure.identity.aio import WorkloadIdentityCredential
from azure.keyvault.secrets.aio import SecretClient
from azure.servicebus import TransportType
from azure.servicebus.aio import ServiceBusClient
from azure.storage.blob.aio import BlobServiceClient
from workload.aio import WatchedCredential

from backend.encoded import keep_encoded
from backend.settings import QueueSettings, Settings, StoreSettings

LINK_TIMEOUT = 10.0  # seconds for opening one link, the token included


@dataclass(frozen=True, slots=True)
class Clients:
    """Every client is open until `close`."""

    credential: WatchedCredential
    secrets: SecretClient
    cosmos: CosmosClient
    blobs: BlobServiceClient
    servicebus: ServiceBusClient

    @classmethod
    def open(cls, settings: Settings) -> "Clients":
        """Connects to nothing yet. Raises `ValueError` if there is no workload identity.

        The SDKs retry briefly: what outlasts that, the worker repeats itself, with the message kept.
        """
        credential = workload_identity()
        return cls(
            credential,
            secret_client(settings, credential),
            cosmos_client(settings, credential),
            blob_client(settings, credential),
            servicebus_client(settings, credential),
        )

    async def close(self) -> None:
        """All together, since a Service Bus client alone takes half a second."""
        closing = (self.servicebus, self.secrets, self.cosmos, self.blobs)
        await asyncio.gather(*(client.close() for client in closing), return_exceptions=True)
        await self.credential.close()


def workload_identity() -> WatchedCredential:
    """Return the credential that the webhook's variables describe; through AKS's token proxy if there is one.

    Raises `ValueError`, which names what is missing, if the webhook did not mutate the pod. The credential retries
    once: each client retries a request, with the token in it, so more would hide an error for a long time.
    """
    return WatchedCredential(WorkloadIdentityCredential(enable_azure_proxy=True, retry_total=1))


def secret_client(settings: StoreSettings, credential: WatchedCredential) -> SecretClient:
    return SecretClient(settings.azure_keyvault_resourceendpoint, credential, retry_total=2)


def cosmos_client(settings: StoreSettings, credential: WatchedCredential) -> CosmosClient:
    """By itself it would come back nine times to a service that is too busy, for longer than a call may take."""
    return CosmosClient(settings.azure_cosmos_resourceendpoint, credential, retry_throttle_total=1)


def blob_client(settings: StoreSettings, credential: WatchedCredential) -> BlobServiceClient:
    return BlobServiceClient(
        settings.azure_storageblob_resourceendpoint, credential, initial_backoff=1, increment_base=1, retry_total=2
    )


def servicebus_client(settings: QueueSettings, credential: WatchedCredential) -> ServiceBusClient:
    """AMQP over TLS on port 5671, said explicitly: with a custom endpoint the SDK would choose WebSockets.

    Its receivers receive messages that the SDK can't decode too (see `encoded`).
    """
    keep_encoded()
    return ServiceBusClient(
        settings.azure_servicebus_fullyqualifiednamespace,
        credential,
        transport_type=TransportType.Amqp,
        custom_endpoint_address=settings.azure_servicebus_custom_endpoint_address,
        connection_verify=settings.ssl_cert_file,
        try_timeout=LINK_TIMEOUT,
        retry_total=1,
    )
