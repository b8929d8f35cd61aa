"""The settings of the worker, `redrive` and `repair`, from the environment."""

from pydantic import Field

from workload.settings import AmqpEndpoint, HttpsEndpoints, HttpServer


class QueueSettings(AmqpEndpoint):
    """The settings of `redrive`: the queue of orders."""

    orders_queue: str = "orders"


class StoreSettings(HttpsEndpoints):
    """The settings of `repair`: where the documents, the receipts and the key that signs them are."""

    orders_database: str = "keyless"
    orders_container: str = "orders"
    receipts_container: str = "receipts"


class WorkerSettings(QueueSettings, StoreSettings, HttpServer):
    """The settings of the worker. Durations are in seconds."""

    worker_concurrency: int = Field(16, ge=1, le=256, description="how many orders are handled at once")
    signing_key_refresh_seconds: float = Field(60.0, gt=0, description="how often the receipt key is read again")
