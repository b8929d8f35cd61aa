"""Every setting of the worker, `redrive` and `repair`. The endpoints carry Service Connector's names, everywhere.

https://learn.microsoft.com/azure/service-connector/how-to-integrate-key-vault
The identity is not among them: `AZURE_CLIENT_ID`, `AZURE_TENANT_ID`, `AZURE_AUTHORITY_HOST` and
`AZURE_FEDERATED_TOKEN_FILE` come from the workload identity webhook and are read by azure-identity itself.
"""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class QueueSettings(BaseSettings):
    """Where the orders wait. AMQP does not go through an HTTP proxy, hence the two settings of its own."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    azure_servicebus_fullyqualifiednamespace: str = Field(description="such as keyless.servicebus.windows.net")
    azure_servicebus_custom_endpoint_address: str | None = Field(
        None,
        description="where to connect instead, such as sb://10.0.0.7:5671 for a private endpoint or a forwarded port",
    )
    ssl_cert_file: str | None = Field(None, description="the CA bundle to trust, where certifi's is not enough")
    orders_queue: str = "orders"


class StoreSettings(BaseSettings):
    """Where the key that signs receipts, the documents and the receipts are."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    azure_keyvault_resourceendpoint: str
    azure_cosmos_resourceendpoint: str
    azure_storageblob_resourceendpoint: str
    orders_database: str = "keyless"
    orders_container: str = "orders"
    receipts_container: str = "receipts"


class Settings(QueueSettings, StoreSettings):
    """What the worker needs: both, and settings of its own. Durations are in seconds."""

    worker_concurrency: int = Field(16, ge=1, le=256, description="how many orders are processed at once")
    signing_key_refresh_seconds: float = Field(60.0, gt=0, description="how often the receipt key is read again")
    http_host: str = "0.0.0.0"  # noqa: S104  the kubelet probes the pod's address, not loopback
    http_port: int = Field(8080, ge=0, le=65535)
