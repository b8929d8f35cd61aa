"""Every setting of the frontend, from the environment; nothing else reads it.

The endpoints carry Service Connector's names (https://learn.microsoft.com/azure/service-connector/), the identity's
own variables (`AZURE_CLIENT_ID`, …) come from the workload-identity webhook and are read by the Azure SDK.
"""

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

AnySettings = TypeVar("AnySettings", bound=BaseSettings)

_NAME_OR_ADDRESS = r"^([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+\])$"

Host = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, pattern=_NAME_OR_ADDRESS)]


def _separated_by_commas(value: object) -> object:
    return value.split(",") if isinstance(value, str) else value


class Settings(BaseSettings):
    """The first four have no default: without an endpoint there is nothing to start."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    azure_keyvault_resourceendpoint: str = Field(description="the vault, https://….vault.azure.net/")
    azure_cosmos_resourceendpoint: str = Field(description="the account, https://….documents.azure.com/")
    azure_storageblob_resourceendpoint: str = Field(description="the account, https://….blob.core.windows.net/")
    azure_servicebus_fullyqualifiednamespace: str = Field(description="the namespace, ….servicebus.windows.net")

    azure_servicebus_custom_endpoint_address: str | None = Field(
        default=None, description="where to connect for AMQP instead"
    )
    ssl_cert_file: Path | None = Field(
        default=None, description="CA bundle for AMQP; HTTPS reads REQUESTS_CA_BUNDLE itself"
    )

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
    """What the workload-identity webhook put into the pod, for showing: the SDK's credential reads them by itself."""

    azure_client_id: str | None = None
    azure_tenant_id: str | None = None
    azure_authority_host: str | None = None
    azure_federated_token_file: Path | None = None


class ServerSettings(BaseSettings):
    """What gunicorn needs before there is an application."""

    http_host: str = "0.0.0.0"  # noqa: S104  (a container is reached from outside it)
    http_port: int = Field(default=8080, ge=0, le=65535)
    http_threads: int = Field(default=16, ge=1, description="requests served at once by one process")
    http_request_seconds: float = Field(default=10.0, gt=0, description="for a request to come, and as long to answer")
    web_concurrency: int = Field(default=1, ge=1, description="processes")


def from_environment(settings: type[AnySettings]) -> AnySettings:
    """Raises `ValueError`, whose one line names each variable that is missing or wrong."""
    try:
        return settings.model_validate({})
    except ValidationError as error:
        faults = ", ".join(f"{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors())
        raise ValueError(f"the environment does not describe the frontend: {faults}") from None
