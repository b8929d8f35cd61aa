"""Wait for what Azure does later: roles that are not known everywhere yet, and services that refuse for the moment."""

import time
from collections.abc import Callable
from typing import TypeVar

from infra.deploy.programs import Failed, ProgramFailed, say

T = TypeVar("T")

REPLICATION = {
    # https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---assigning-a-role-to-a-new-principal-sometimes-fails
    "PrincipalNotFound": "a new identity is not known everywhere yet",
    "does not exist in the directory": "a new identity is not known everywhere yet",
    "RoleDefinitionDoesNotExist": "a new role is not known everywhere yet",
    "RoleDefinitionWithSameNameExists": "the same role is being made already",
    # https://learn.microsoft.com/azure/cosmos-db/how-to-connect-role-based-access-control: its roles are its own
    "The principal could not be found": "Cosmos DB does not know a new identity yet",
    # The cluster takes its control plane's roles on the subnets and on the kubelet's identity.
    "LinkedAuthorizationFailed": "a new role does not take effect everywhere yet",
    "CustomKubeletIdentityMissingPermissionError": "the role on the kubelet's identity does not take effect yet",
    "CreateVNetPermissionDenied": "the role on the subnets does not take effect yet",
    # https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations
    "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity": "one identity takes one write at a time",
    "AnotherOperationInProgress": "another change of the same resource is not complete",
    "RetryableError": "Azure asks for another try",
}
"""What Azure refuses, if it has not replicated yet what the same deployment made, and what that means."""

UNAVAILABLE = {
    "toomanyrequests": "too many pulls or requests",
    "TooManyRequests": "too many requests",
    "ServiceUnavailable": "the service is unavailable",
    "GatewayTimeout": "the service does not answer in time",
    "InternalServerError": "the service has an error of its own",
    "i/o timeout": "the network does not answer in time",
    "unauthorized: authentication required": "the role on the images does not take effect yet",
    "denied: requested access to the resource is denied": "the role on the images does not take effect yet",
}
"""What a service refuses for the moment."""


def until_granted(ask: Callable[[], T], what: str, patience: float, refusal: type[Failed] = ProgramFailed) -> T:
    """Repeat `ask` until it raises no `refusal`, since a new role takes effect after minutes. Returns its answer.

    Another error is raised at once. After `patience` seconds `Failed` is raised with the last refusal. Pauses grow to
    ten seconds.
    """
    deadline, pause = time.monotonic() + patience, 0.25
    while True:
        try:
            return ask()
        except refusal as error:
            if time.monotonic() + pause > deadline:
                raise Failed(f"{what}: still not so after {patience:g} s. The last answer was: {error}") from error
            time.sleep(pause)
            pause = min(pause * 2, 10)


def until_it_works(ask: Callable[[], T], what: str, patience: float, passing: dict[str, str]) -> T:
    """Like `until_granted`, for a refusal whose words contain a key of `passing`. Its value is said to the user, once.

    Another refusal is raised at once, as it is.
    """
    said: set[str] = set()

    def once() -> T:
        try:
            return ask()
        except ProgramFailed as error:
            reason = next((why for words, why in passing.items() if words in error.words), None)
            if reason is None:
                raise
            if reason not in said:
                said.add(reason)
                say(f"… again, since {reason}")
            raise _Passing(str(error)) from error

    return until_granted(once, what, patience, _Passing)


class _Passing(Failed):
    """A refusal that passes."""
