"""Every setting of the worker, `redrive` and `repair`, from the environment."""

from pydantic import Field
from workload.settings import AmqpEndpoint, HttpsEndpoints, HttpServer


class QueueSettings(AmqpEndpoint):
    """Where the orders wait."""

    orders_queue: str = "orders"


class StoreSettings(HttpsEndpoints):
    """Where the key that signs receipts, the documents and the receipts are."""

    orders_database: str = "keyless"
    orders_container: str = "orders"
    receipts_container: str = "receipts"


class Settings(QueueSettings, StoreSettings, HttpServer):
    """What the worker needs: all of these, and settings of its own. Durations are in seconds."""

    worker_concurrency: int = Field(16, ge=1, le=256, description="how many orders are processed at once")
    signing_key_refresh_seconds: float = Field(60.0, gt=0, description="how often the receipt key is read again")
