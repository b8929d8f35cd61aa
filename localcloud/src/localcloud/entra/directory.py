"""The tenant's identities, one a workload, and whom each of them trusts: its federated credentials.

https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust-user-assigned-managed-identity
"""

from collections.abc import Callable
from dataclasses import dataclass

from localcloud.authorization.model import AccessModel, client_id, principal_id

EXCHANGE_AUDIENCE = "api://AzureADTokenExchange"


@dataclass(frozen=True, slots=True)
class FederatedCredential:
    """A trusted (issuer, subject, audience); all three are compared as they are written, case included."""

    issuer: str
    subject: str
    audience: str = EXCHANGE_AUDIENCE


@dataclass(frozen=True, slots=True)
class Identity:
    """A user-assigned managed identity."""

    name: str
    client_id: str
    principal_id: str
    federated_credentials: tuple[FederatedCredential, ...]


class Directory:
    """Identities follow from the access model; every one of them trusts its own subject of each given issuer."""

    def __init__(self, tenant_id: str, model: Callable[[], AccessModel], issuers: tuple[str, ...]) -> None:
        self.tenant_id = tenant_id
        self._model = model
        self._issuers = issuers

    def find(self, requested: str) -> Identity | None:
        """The identity with this client id (compared without case, as GUIDs are)."""
        for name, workload in self._model().workloads.items():
            if client_id(name) == requested.lower():
                trusted = tuple(FederatedCredential(issuer, workload.subject) for issuer in self._issuers)
                return Identity(name, client_id(name), principal_id(name), trusted)
        return None
