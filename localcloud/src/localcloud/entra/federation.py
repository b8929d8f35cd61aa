"""How the identities trust the cluster's service accounts: by federated credentials, AKS's identity bindings, or both.

https://learn.microsoft.com/azure/aks/identity-bindings-concepts. A binding makes one federated credential on its
identity, whatever the number of clusters, and the tokens that it trusts come from each cluster's token proxy.
"""

from collections.abc import Callable
from enum import StrEnum

from localcloud.authorization.model import TENANT_ID, AccessModel, client_id
from localcloud.authorization.workload import EXCHANGE_AUDIENCE, FederatedCredential, Workload

BINDING_ISSUER_HOST = "ib.oic.prod-aks.azure.com"


class Way(StrEnum):
    """`BOTH` is for the time in which pods move from one way to the other."""

    CREDENTIALS = "credentials"
    BINDINGS = "bindings"
    BOTH = "both"


def binding_issuer(client: str) -> str:
    """Return the issuer of the tokens that an identity with a binding trusts. `client` is its client id."""
    return f"https://{BINDING_ISSUER_HOST}/{TENANT_ID}/{client}"


def binding_credential(client: str) -> FederatedCredential:
    """Return the credential that a binding makes.

    Its issuer is AKS's. Its subject and audience are not public, so these are the local cloud's own.
    """
    return FederatedCredential(issuer=binding_issuer(client), subject=client, audience=EXCHANGE_AUDIENCE)


class Federation:
    """The federated credentials and bindings of every identity. The operator may change `way` at any time.

    `cluster` is the issuer of this cloud's own cluster, `further` those of others, which have no bindings here.
    """

    def __init__(self, model: Callable[[], AccessModel], way: Way, cluster: str, further: tuple[str, ...]) -> None:
        self.way = way
        self._model = model
        self.cluster = cluster
        self._further = further

    def credentials_of(self, name: str) -> tuple[FederatedCredential, ...]:
        """Return the federated credentials of a workload's identity, the one of its binding last."""
        workload = self._model().workloads[name]
        by_credential = self.way != Way.BINDINGS or not _can_be_bound(workload)
        issuers = (self.cluster, *self._further) if by_credential else self._further
        of_binding = (binding_credential(client_id(name)),) if self.is_bound(name) else ()
        return (*workload.trusts(issuers), *of_binding)

    def is_bound(self, name: str) -> bool:
        """Whether there is an identity binding between the workload's identity and this cluster."""
        workload = self._model().workloads[name]
        return self.way != Way.CREDENTIALS and _can_be_bound(workload) and workload.trustsCluster

    def asks_token_proxy(self, name: str) -> bool:
        """Whether a program of the workload gets tokens from the token proxy alone."""
        return self.is_bound(name) and self.way == Way.BINDINGS

    def bound(self, requested: str) -> str | None:
        """Return the workload whose identity has this client id (compared without case) and a binding, or None."""
        names = (name for name in self._model().workloads if client_id(name) == requested.lower())
        return next(filter(self.is_bound, names), None)


def _can_be_bound(workload: Workload) -> bool:
    return workload.identity == "managedIdentity" and workload.federation is None
