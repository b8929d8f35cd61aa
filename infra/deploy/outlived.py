"""What outlives a deployment's resource group: its custom roles, and its vault, which Azure keeps deleted.

Both name the group in a property, so that they are found when the group is gone, and without its suffix.
"""

from dataclasses import dataclass

from infra.deploy.azure import Azure
from infra.deploy.programs import say

_ROLE_DEFINITIONS = "2022-04-01"


@dataclass(frozen=True, slots=True)
class DeletedVault:
    name: str
    location: str
    purge_protected: bool


def remove(azure: Azure, group_id: str) -> None:
    """Delete what can be deleted, and say what Azure keeps. `group_id` is the resource group's id."""
    for role in custom_roles(azure, group_id):
        _delete_role(azure, group_id, role)
    for vault in deleted_vaults(azure, group_id):
        if vault.purge_protected:
            say(f"  The vault {vault.name} is purge-protected: Azure keeps it, deleted, for 90 days.")
        else:
            named = ("--name", vault.name, "--location", vault.location)
            azure.tell("keyvault", "purge", *named, "--subscription", _subscription(group_id))
            say(f"✓ the vault {vault.name} is purged")


def custom_roles(azure: Azure, group_id: str) -> list[str]:
    """Return the ids of the custom roles that can be assigned in this group only.

    https://learn.microsoft.com/rest/api/authorization/role-definitions/list
    """
    listed = azure.ask(
        *("rest", "--method", "get", "--url", f"{_definitions(group_id)}?api-version={_ROLE_DEFINITIONS}"),
        *("--url-parameters", "$filter=atScopeAndBelow() and type eq 'CustomRole'"),
    )
    scopes = {
        role["name"]: [scope.lower() for scope in role["properties"]["assignableScopes"]] for role in listed["value"]
    }
    return [role for role, assignable in scopes.items() if assignable == [group_id.lower()]]


def deleted_vaults(azure: Azure, group_id: str) -> list[DeletedVault]:
    """Return the group's vaults that are deleted and not purged."""
    listed = azure.ask(
        "keyvault", "list-deleted", "--resource-type", "vault", "--subscription", _subscription(group_id)
    )
    return [
        DeletedVault(
            vault["name"], vault["properties"]["location"], bool(vault["properties"].get("purgeProtectionEnabled"))
        )
        for vault in listed
        if vault["properties"]["vaultId"].lower().startswith(f"{group_id}/".lower())
    ]


def _delete_role(azure: Azure, group_id: str, role: str) -> None:
    url = f"{_definitions(group_id)}/{role}?api-version={_ROLE_DEFINITIONS}"
    azure.tell("rest", "--method", "delete", "--url", url)


def _definitions(group_id: str) -> str:
    return f"/subscriptions/{_subscription(group_id)}/providers/Microsoft.Authorization/roleDefinitions"


def _subscription(group_id: str) -> str:
    return group_id.split("/")[2]
