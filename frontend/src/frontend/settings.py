"""The frontend's settings, from the environment. No other module reads it."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints
from pydantic_settings import BaseSettings, NoDecode

from workload.settings import AmqpEndpoint, HttpsEndpoints, HttpServer

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
        default=frozenset(("localhost", "127.0.0.1", "[::1]")),
        description="the hosts that are answered, without ports, separated by commas",
    )

    signing_key_refresh_seconds: float = Field(
        default=60.0, gt=0, description="how often Key Vault is asked for new versions"
    )


class IdentityVariables(BaseSettings):
    """What the workload identity webhook put into the pod. `/identity` shows it; azure-identity reads it by itself."""

    azure_client_id: str = "missing: AZURE_CLIENT_ID"
    azure_tenant_id: str = "missing: AZURE_TENANT_ID"
    azure_authority_host: str = "missing: AZURE_AUTHORITY_HOST"
    azure_federated_token_file: Path | None = None


class ServerSettings(HttpServer):
    """What gunicorn needs before there is an application."""

    http_threads: int = Field(default=16, ge=1, description="requests served at once by one process")
    http_request_seconds: float = Field(default=10.0, gt=0, description="for a request to come, and as long to answer")
    web_concurrency: int = Field(default=1, ge=1, description="processes")
