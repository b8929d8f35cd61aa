"""The frontend's settings, from the environment. No other module reads it."""

from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints
from pydantic_settings import NoDecode

from workload.settings import LOOPBACK, AmqpEndpoint, HttpsEndpoints, HttpServer

LOG_LEVELS = {"frontend": "INFO", "gunicorn.error": "INFO"}

_NAME_OR_ADDRESS = r"^([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+\])$"

Host = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, pattern=_NAME_OR_ADDRESS)]


def _separated_by_commas(value: object) -> object:
    return value.split(",") if isinstance(value, str) else value


class Settings(HttpsEndpoints, AmqpEndpoint):
    """What the application needs. The endpoints have no default."""

    orders_queue: str = "orders"
    orders_database: str = "keyless"
    orders_container: str = "orders"
    receipts_container: str = "receipts"

    allowed_hosts: Annotated[frozenset[Host], NoDecode, BeforeValidator(_separated_by_commas)] = Field(
        default=LOOPBACK,
        description="the hosts that are answered, without ports, separated by commas",
    )

    signing_key_refresh_seconds: float = Field(
        default=60.0, gt=0, description="how often Key Vault is asked for new versions"
    )


class ServerSettings(HttpServer):
    """What gunicorn needs before there is an application."""

    http_threads: int = Field(default=16, ge=1, description="requests served at once by one process")
    http_request_seconds: float = Field(default=10.0, gt=0, description="for a request to come, and as long to answer")
    web_concurrency: int = Field(default=1, ge=1, description="processes")
