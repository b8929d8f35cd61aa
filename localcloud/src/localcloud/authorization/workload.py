"""A workload of the access file: its service account, its identity in Entra, its trusts and its grants."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from localcloud.authorization.roles import without_condition

EXCHANGE_AUDIENCE = "api://AzureADTokenExchange"
MOST_CREDENTIALS = 20  # https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations

_Text = Annotated[str, Field(pattern=r"^\S(.*\S)?$", max_length=600)]  # with no space at either end


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Grant(_Part):
    """A role assignment."""

    role: str
    scope: str

    @model_validator(mode="before")
    @classmethod
    def _has_no_condition(cls, given: Any) -> Any:
        return without_condition(given)


class FederatedCredential(_Part):
    """A trusted (issuer, subject, audience); all three are compared as they are written, case included."""

    issuer: Annotated[str, Field(pattern=r"^https://\S+$", max_length=600)]
    subject: _Text
    audience: _Text = EXCHANGE_AUDIENCE


class Workload(_Part):
    """`identity` says what holds the federated credentials in Entra.

    An identity trusts the service account of its workload. If `trustsCluster` is false it does not, as if that
    credential had been deleted. `federatedCredentials` are further trusts, such as a pipeline's.
    `federation` is set for a program that can't use a cluster's token proxy: identity bindings then leave it out.
    An app registration is also an API that others get tokens for, in the version that its
    `requestedAccessTokenVersion` names (https://learn.microsoft.com/graph/api/resources/apiapplication).
    """

    namespace: str
    serviceAccount: str
    identity: Literal["managedIdentity", "application"] = "managedIdentity"
    trustsCluster: bool = True
    federation: Literal["credentials"] | None = None
    federatedCredentials: tuple[FederatedCredential, ...] = ()
    requestedAccessTokenVersion: Literal[1, 2] | None = None
    grants: tuple[Grant, ...] = ()

    @property
    def subject(self) -> str:
        """The `sub` claim of the workload's projected token."""
        return f"system:serviceaccount:{self.namespace}:{self.serviceAccount}"

    def trusts(self, issuers: tuple[str, ...]) -> tuple[FederatedCredential, ...]:
        """Return the federated credentials of its identity, in a cloud whose clusters have these issuers."""
        own = (FederatedCredential(issuer=issuer, subject=self.subject) for issuer in issuers if self.trustsCluster)
        return (*own, *self.federatedCredentials)

    @model_validator(mode="after")
    def _identity_is_one_that_entra_has(self) -> "Workload":
        number = self.trustsCluster + len(self.federatedCredentials)
        if number > MOST_CREDENTIALS:
            raise ValueError(
                f"an identity has at most {MOST_CREDENTIALS} federated credentials, and this one has {number}, that of "
                "its service account counted: give some of its workloads an identity of their own"
            )
        seen = set()
        for credential in self.federatedCredentials:
            trusted = (credential.issuer, credential.subject)
            if trusted in seen:
                raise ValueError(
                    f"the issuer {credential.issuer} and the subject {credential.subject} stand together in two "
                    "federated credentials: Entra takes each pair once"
                )
            seen.add(trusted)
        if self.requestedAccessTokenVersion and self.identity != "application":
            raise ValueError(
                "requestedAccessTokenVersion belongs to an app registration: a managed identity is no API that tokens "
                "are for. Take it out, or write `identity: application`"
            )
        return self
