"""The tenant's identities, one a workload: whom each of them trusts, and which of them are APIs that tokens are for.

https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from localcloud.authorization.model import AccessModel, client_id, principal_id
from localcloud.authorization.workload import FederatedCredential, Workload
from localcloud.entra.federation import Federation


@dataclass(frozen=True, slots=True)
class Identity:
    """A user-assigned managed identity, or the service principal of an app registration."""

    name: str
    kind: Literal["managedIdentity", "application"]
    client_id: str
    principal_id: str
    federated_credentials: tuple[FederatedCredential, ...]


@dataclass(frozen=True, slots=True)
class Api:
    """An app registration that tokens are for. `token_version` is the one that its tokens have."""

    client_id: str
    token_version: Literal[1, 2]


class Directory:
    """Identities follow from the access model, and whom they trust from the federation."""

    def __init__(self, tenant_id: str, model: Callable[[], AccessModel], federation: Federation) -> None:
        self.tenant_id = tenant_id
        self._model = model
        self._federation = federation

    def find(self, requested: str) -> Identity | None:
        """Return the identity with this client id (compared without case, as GUIDs are), or None."""
        for name, workload in self._model().workloads.items():
            if client_id(name) == requested.lower():
                trusted = self._federation.credentials_of(name)
                return Identity(name, workload.identity, client_id(name), principal_id(name), trusted)
        return None

    def api(self, resource: str) -> Api | None:
        """Return the app registration with this client id, or with this URI (`api://` and the client id), or None."""
        for name, workload in self._model().workloads.items():
            if workload.identity == "application" and resource.lower().removeprefix("api://") == client_id(name):
                return Api(client_id(name), _version(workload))
        return None


def _version(workload: Workload) -> Literal[1, 2]:
    return workload.requestedAccessTokenVersion or 1
