"""Settings, from the environment. The endpoints carry the names that Service Connector gives them.

https://learn.microsoft.com/azure/service-connector/how-to-integrate-key-vault

The workload identity webhook sets the variables of the identity, and azure-identity reads them by itself.
"""

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

SettingsT = TypeVar("SettingsT", bound=BaseSettings)

HttpsUrl = Annotated[str, StringConstraints(pattern=r"^https://[A-Za-z0-9.-]+(:[0-9]+)?(/\S*)?$")]
HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]+$")]
AmqpAddress = Annotated[str, StringConstraints(pattern=r"^(sb://)?[A-Za-z0-9.-]+(:[0-9]+)?/?$")]


LOOPBACK = frozenset(("localhost", "127.0.0.1", "[::1]"))
"""The hosts by which a port-forward is reached, and none that the internet's names can stand for."""


class HttpsEndpoints(BaseSettings):
    """The services that are reached over HTTPS, through `HTTPS_PROXY` if it is set."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    azure_keyvault_resourceendpoint: HttpsUrl = Field(description="the vault, https://….vault.azure.net/")
    azure_cosmos_resourceendpoint: HttpsUrl = Field(description="the account, https://….documents.azure.com/")
    azure_storageblob_resourceendpoint: HttpsUrl = Field(description="the account, https://….blob.core.windows.net/")


class AmqpEndpoint(BaseSettings):
    """Service Bus, which is reached over AMQP: not through an HTTP proxy, and with a CA bundle of its own."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    azure_servicebus_fullyqualifiednamespace: HostName = Field(description="the namespace, ….servicebus.windows.net")
    azure_servicebus_custom_endpoint_address: AmqpAddress | None = Field(
        None,
        description="where to connect instead, such as sb://10.0.0.7:5671 for a private endpoint or a forwarded port",
    )
    ssl_cert_file: str | None = Field(None, description="the CA bundle to trust, if certifi's is not enough")


class IdentityVariables(BaseSettings):
    """What the webhook put into the pod: all of them, or none if it has not changed the pod. `/identity` shows them."""

    azure_client_id: str | None = None
    azure_tenant_id: str | None = None
    azure_authority_host: str | None = None
    azure_federated_token_file: Path | None = None
    azure_kubernetes_token_proxy: str | None = Field(default=None, description="with AKS identity bindings only")


class HttpServer(BaseSettings):
    """Where the process itself listens."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    http_host: str = "0.0.0.0"  # noqa: S104  the kubelet probes the pod's address, not loopback
    http_port: int = Field(8080, ge=0, le=65535)


class InvalidEnvironment(Exception):
    """A variable is missing or wrong. The text is one line that names each of them: end the process with it."""


def from_environment(settings: type[SettingsT]) -> SettingsT:
    """Read the settings from the environment. Raises `InvalidEnvironment`."""
    try:
        return settings.model_validate({})
    except ValidationError as error:
        faults = ", ".join(f"{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors())
        raise InvalidEnvironment(f"the environment is not valid: {faults}") from None
