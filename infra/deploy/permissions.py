"""What the deployer must be allowed to do, asked before anything is made."""

from fnmatch import fnmatchcase
from typing import Any

from infra.deploy.azure import Account, Azure, Principal
from infra.deploy.programs import Failed

NEEDED = {
    "Microsoft.Resources/subscriptions/resourceGroups/write": "make the resource group",
    "Microsoft.Resources/deployments/write": "deploy into it",
    "Microsoft.ContainerService/managedClusters/write": "make the cluster",
    "Microsoft.KeyVault/vaults/secrets/write": "write the three secrets",
    "Microsoft.Authorization/roleDefinitions/write": "make custom roles",
    "Microsoft.Authorization/roleAssignments/write": "assign roles",
    "Microsoft.Authorization/policyAssignments/write": "assign the policies on issuers",
}
"""Actions, each for one kind of what a deployment does."""


def check(azure: Azure, account: Account, deployer: Principal) -> None:
    """Raises `Failed` with what the account may not do in its subscription.

    Contributor may write no authorization, and Role Based Access Control Administrator no role definitions:
    https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/privileged
    """
    held = azure.roles_of(deployer, account.subscription)
    refused = [f"{what} ({action})" for action, what in NEEDED.items() if not _allowed(action, held)]
    if refused:
        raise Failed(
            f"{account.user} may not do this in the subscription {account.subscription}:\n  "
            + "\n  ".join(refused)
            + "\nOwner may do all of it, and so may Contributor together with User Access Administrator. A role that is"
            " only eligible (PIM) counts when it is activated. Nothing was made."
        )


def _allowed(action: str, roles: list[list[dict[str, Any]]]) -> bool:
    """Whether one of the roles allows an action. A role is the list of its permissions."""
    return any(
        any(_matches(action, pattern) for pattern in permission["actions"])
        and not any(_matches(action, pattern) for pattern in permission["notActions"])
        for permissions in roles
        for permission in permissions
    )


def _matches(action: str, pattern: str) -> bool:
    return fnmatchcase(action.lower(), pattern.lower())
