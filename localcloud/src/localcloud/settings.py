"""Every setting of the local cloud: from `LOCALCLOUD_…` variables or the command line (see `localcloud --help`)."""

import sys
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from localcloud.entra.federation import Way


class Settings(BaseSettings):
    """Ports are TCP ports; 0 lets the system choose one. The proxy listens on loopback, for pods on this machine."""

    model_config = SettingsConfigDict(env_prefix="LOCALCLOUD_")

    access: Path = Field(Path("access.yaml"), description="the access model")
    state: Path = Field(Path(".localcloud"), description="the folder that holds everything this cloud keeps")
    name: str = Field(
        "localcloud", pattern=r"^[a-z][a-z0-9-]{2,22}$", description="the name of the vault and the accounts"
    )
    host: str = Field("127.0.0.1", description="the address on which Azure's names are answered")
    proxy_port: int = Field(8474, ge=0, le=65535, description="the forward proxy that leads to Azure's names")
    amqp_port: int = Field(5671, ge=0, le=65535, description="Service Bus over AMQP")
    dashboard_port: int = Field(8473, ge=0, le=65535, description="the dashboard, a page on loopback")
    https_port: int = Field(0, ge=0, le=65535, description="Azure's names over HTTPS, behind the proxy")
    azurite: Path = Field(
        Path(sys.prefix, "share", "localcloud", "azurite"), description="the folder in which Azurite is installed"
    )
    publish_ca: Path | None = Field(
        None, description="a file to put the CA's certificate in, for clients that must not see the state folder"
    )
    federation: Way = Field(
        Way.CREDENTIALS, description="how identities trust this cluster: by credentials, by bindings, or by both"
    )
    issuers: list[str] = Field([], description="further OIDC issuers that every identity trusts")

    @property
    def vault_host(self) -> str:
        return f"{self.name}.vault.azure.net"

    @property
    def cosmos_host(self) -> str:
        return f"{self.name}.documents.azure.com"

    @property
    def blob_host(self) -> str:
        return f"{self.name}.blob.core.windows.net"

    @property
    def servicebus_host(self) -> str:
        return f"{self.name}.servicebus.windows.net"
