"""The roles that a principal has on Azure, set beside those that the access model means it to have.

Azure's own are read with `az role assignment list`, whose entries have `roleDefinitionName`, `scope` and `createdOn`
(https://learn.microsoft.com/cli/azure/role/assignment). Cosmos DB's are resources of the account:
`az cosmosdb sql role assignment list` has `principalId`, `roleDefinitionId` and `scope`, and `az cosmosdb sql role
definition list` the `roleName` of each `id` (https://learn.microsoft.com/cli/azure/cosmosdb/sql/role).
"""

from dataclasses import dataclass
from datetime import datetime

from localcloud.authorization.workload import Grant, Workload
from localcloud.doctor.commands import CommandFailed, Commands
from localcloud.doctor.facts import Access, PendingRole, WideRole

PROPAGATION = 600.0  # seconds, https://learn.microsoft.com/azure/role-based-access-control/troubleshooting

_ENTITIES = {  # as they stand in a resource's id: the provider, and the kind of entity
    "keyVault": ("microsoft.keyvault", "secrets"),
    "serviceBus": ("microsoft.servicebus", "queues"),
    "cosmos": ("microsoft.documentdb", "colls"),
    "blob": ("microsoft.storage", "containers"),
}


@dataclass(frozen=True, slots=True)
class Assignment:
    """A role on a scope, as it stands in Azure. `created` is a Unix time, None if that is not told."""

    role: str
    scope: str
    created: float | None
    of_cosmos: bool


class Roles:
    """The assignments of one resource group's identities."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self._of_cosmos: list[tuple[str, Assignment]] | None = None

    def of(self, principal: str) -> list[Assignment]:
        """Return the principal's roles. Raises `CommandFailed` if Azure's own can't be listed."""
        listed = self._commands.az("role", "assignment", "list", "--all", "--assignee", principal, grouped=False)
        own = [
            Assignment(str(each["roleDefinitionName"]), each["scope"], _moment(each.get("createdOn")), of_cosmos=False)
            for each in listed
        ]
        if self._of_cosmos is None:
            self._of_cosmos = self._cosmos()
        return own + [assignment for whose, assignment in self._of_cosmos if whose == principal]

    def _cosmos(self) -> list[tuple[str, Assignment]]:
        found = []
        try:
            for account in self._commands.az("cosmosdb", "list"):
                named = ("--account-name", account["name"])
                definitions = self._commands.az("cosmosdb", "sql", "role", "definition", "list", *named)
                names = {each["id"].lower(): each["roleName"] for each in definitions}
                for each in self._commands.az("cosmosdb", "sql", "role", "assignment", "list", *named):
                    name = names.get(each["roleDefinitionId"].lower(), each["roleDefinitionId"])
                    found.append((each["principalId"], Assignment(str(name), each["scope"], None, of_cosmos=True)))
        except CommandFailed:  # without that right the doctor can still judge everything else
            return []
        return found


def accesses(meant: Workload, assigned: list[Assignment]) -> tuple[Access, ...]:
    """For each grant of the access model, whether the role is assigned on its scope or above it."""
    return tuple(_access(grant, assigned) for grant in meant.grants)


def wide(meant: Workload, assigned: list[Assignment]) -> tuple[WideRole, ...]:
    """The roles that are assigned above the entity that they are meant for."""
    return tuple(
        WideRole(grant.role, each.scope, (grant.scope,))
        for grant in meant.grants
        for each in assigned
        if _fits(grant, each) and not grant.scope.endswith("/*") and not _is_on_entity(each, grant)
    )


def pending(meant: Workload, assigned: list[Assignment], now: float) -> tuple[PendingRole, ...]:
    """The roles that were assigned less than ten minutes ago."""
    return tuple(
        PendingRole("given", grant.role, grant.scope, each.created + PROPAGATION)
        for grant in meant.grants
        for each in assigned
        if each.created is not None and now < each.created + PROPAGATION and _fits(grant, each)
    )


def _access(grant: Grant, assigned: list[Assignment]) -> Access:
    roles = tuple(dict.fromkeys(each.role for each in assigned if _covers(each, grant)))
    granted = any(_fits(grant, each) for each in assigned)
    return Access(f"what {grant.role} allows", grant.scope, granted, granted, "", roles)


def _fits(grant: Grant, each: Assignment) -> bool:
    """Whether it is the grant's role, on its scope or around it. A custom role's name may end in whose it is."""
    service = grant.scope.partition("/")[0]
    return each.role.startswith(grant.role) and each.of_cosmos == (service == "cosmos") and _covers(each, grant)


def _covers(each: Assignment, grant: Grant) -> bool:
    """Whether the scope is the entity or something around it: the account, the group, the subscription."""
    service, _, entity = grant.scope.partition("/")
    scope, (provider, kind) = each.scope.lower(), _ENTITIES[service]
    if "/providers/" not in scope:
        return True
    return provider in scope and (f"/{kind}/" not in scope or scope.endswith(f"/{kind}/{entity.lower()}"))


def _is_on_entity(each: Assignment, grant: Grant) -> bool:
    kind = _ENTITIES[grant.scope.partition("/")[0]][1]
    return f"/{kind}/" in each.scope.lower()


def _moment(text: str | None) -> float | None:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() if text else None
