"""What az would answer of the application's resource group, made from the access model.

The shapes are those of az's reference: `az identity`, `az role assignment`, `az cosmosdb sql role` and
`az keyvault secret` below https://learn.microsoft.com/cli/azure/reference-index. Ids are those of the overlay `aks`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from localcloud.authorization.model import AccessModel
from localcloud.authorization.workload import Grant

_GROUP = "/subscriptions/0/resourceGroups/keyless-rg/providers"
_COSMOS = f"{_GROUP}/Microsoft.DocumentDB/databaseAccounts/keyless"
_SCOPES = {
    "keyVault": f"{_GROUP}/Microsoft.KeyVault/vaults/keyless/secrets/",
    "serviceBus": f"{_GROUP}/Microsoft.ServiceBus/namespaces/keyless/queues/",
    "blob": f"{_GROUP}/Microsoft.Storage/storageAccounts/keyless/blobServices/default/containers/",
    "cosmos": f"{_COSMOS}/dbs/keyless/colls/",
}
_LONG_AGO = "2026-01-01T00:00:00.000000+00:00"


class Az:
    """Answers the commands that list. `new` are workloads' grants of a minute before `now`; secrets may be gone."""

    def __init__(
        self,
        model: AccessModel,
        outputs: Mapping[str, str],
        issuer: str,
        *,
        now: float,
        new: Sequence[tuple[str, Grant]] = (),
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        self._model = model
        self._outputs = outputs
        self._issuer = issuer
        self._new = new
        self._minute_ago = datetime.fromtimestamp(now - 60, UTC).isoformat()
        self._gone = secrets or {}

    def __call__(self, command: Sequence[str]) -> str:
        words = [word for word in command[1:] if not word.startswith("-")]
        options = dict(pairwise(command))
        answers: dict[tuple[str, ...], Callable[[], list[Any]]] = {
            ("identity", "list"): self._identities,
            ("identity", "federated-credential", "list"): lambda: self._credentials(options["--identity-name"]),
            ("role", "assignment", "list"): lambda: self._assignments(options["--assignee"]),
            ("cosmosdb", "list"): lambda: [{"name": "keyless"}],
            ("cosmosdb", "sql", "role", "definition", "list"): self._definitions,
            ("cosmosdb", "sql", "role", "assignment", "list"): self._of_cosmos,
            ("keyvault", "list"): lambda: [{"name": "keyless"}],
            ("keyvault", "secret", "list"): lambda: self._secrets(None),
            ("keyvault", "secret", "list-deleted"): lambda: self._secrets("deleted"),
        }
        asked = next(known for known in answers if tuple(words[: len(known)]) == known)
        return json.dumps(answers[asked]())

    def _identities(self) -> list[Any]:
        return [
            {
                "clientId": self._outputs[f"{name}ClientId"],
                "name": f"keyless-{name}",
                "principalId": f"principal of {name}",
                "tenantId": self._outputs["tenantId"],
            }
            for name in self._model.workloads
        ]

    def _credentials(self, identity: str) -> list[Any]:
        trusts = self._model.workloads[identity.removeprefix("keyless-")].trusts((self._issuer,))
        return [
            {"audiences": [each.audience], "issuer": each.issuer, "name": f"aks-{number}", "subject": each.subject}
            for number, each in enumerate(trusts)
        ]

    def _grants(self, *, of_cosmos: bool) -> list[tuple[str, Grant]]:
        return [
            (f"principal of {name}", grant)
            for name, workload in self._model.workloads.items()
            for grant in workload.grants
            if (self._model.role(grant.role).kind == "cosmos") == of_cosmos
        ]

    def _assignments(self, assignee: str) -> list[Any]:
        return [
            {
                "createdOn": self._minute_ago if (principal.rpartition(" ")[2], grant) in self._new else _LONG_AGO,
                "principalId": principal,
                "principalType": "ServicePrincipal",
                "roleDefinitionName": grant.role,
                "scope": _id(grant.scope),
            }
            for principal, grant in self._grants(of_cosmos=False)
            if principal == assignee
        ]

    def _definitions(self) -> list[Any]:
        roles = [name for name, role in self._model.roles.items() if role.kind == "cosmos"]
        return [{"id": f"{_COSMOS}/sqlRoleDefinitions/{name}", "roleName": name} for name in roles]

    def _of_cosmos(self) -> list[Any]:
        return [
            {
                "principalId": principal,
                "roleDefinitionId": f"{_COSMOS}/sqlRoleDefinitions/{grant.role}",
                "scope": _id(grant.scope),
            }
            for principal, grant in self._grants(of_cosmos=True)
        ]

    def _secrets(self, how: str | None) -> list[Any]:
        names = self._model.entities.keyVault
        return [{"id": _id(f"keyVault/{name}"), "name": name} for name in names if self._gone.get(name) == how]


def _id(scope: str) -> str:
    service, _, entity = scope.partition("/")
    return _SCOPES[service].rpartition("/secrets/")[0] if entity == "*" else _SCOPES[service] + entity
