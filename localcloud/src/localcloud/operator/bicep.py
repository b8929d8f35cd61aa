"""An access model's roles and assignments as a Bicep module, for accounts and entities that are there already."""

import re
from collections.abc import Mapping, Sequence

from localcloud.authorization.model import AccessModel
from localcloud.authorization.roles import Role
from localcloud.operator.infrastructure import WHOLE, Assignment, assignments, roles_to_define, symbol

_HEAD = """// Written by `localcloud least-privilege --as bicep`: what was used, and no more.

@description('The object id of each workload\\'s identity, by the workload\\'s name.')
param principals object
"""
_ACCOUNTS = {
    "keyVault": ("vaultName", "Microsoft.KeyVault/vaults@2026-05-15"),
    "serviceBus": ("serviceBusName", "Microsoft.ServiceBus/namespaces@2026-01-01"),
    "cosmos": ("cosmosAccountName", "Microsoft.DocumentDB/databaseAccounts@2026-03-15"),
    "blob": ("storageAccountName", "Microsoft.Storage/storageAccounts@2026-06-01"),
}
_ENTITIES = {
    "keyVault": "Microsoft.KeyVault/vaults/secrets@2026-05-15",
    "serviceBus": "Microsoft.ServiceBus/namespaces/queues@2026-01-01",
    "blob": "Microsoft.Storage/storageAccounts/blobServices/containers@2026-06-01",
}
_TOPICS = "Microsoft.ServiceBus/namespaces/topics@2026-01-01"
_SUBSCRIPTIONS = "Microsoft.ServiceBus/namespaces/topics/subscriptions@2026-01-01"
_COSMOS_ROLES = "Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions@2026-03-15"
_COSMOS_ASSIGNMENTS = "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2026-03-15"


def bicep(model: AccessModel) -> str:
    """Return the module: parameters for the accounts' names, then the roles, the entities and the assignments."""
    grants = list(assignments(model))
    entities = dict.fromkeys((grant.service, grant.entity) for grant in grants)
    services = [name for name in _ACCOUNTS if any(grant.service == name for grant in grants)]
    # What is found by its full name needs no account.
    accounts = [name for name in services if name == "cosmos" or any(_has_parent(*e) for e in entities if e[0] == name)]
    # Each write of Cosmos DB's roles locks the account, and a second one then fails with 412: one follows the other.
    # https://github.com/hashicorp/terraform-provider-azurerm/issues/15842
    in_turn = [
        *(symbol("role", name) for name, role in roles_to_define(model) if role.kind == "cosmos"),
        *(grant.symbol for grant in grants if grant.service == "cosmos"),
    ]
    before = dict(zip(in_turn[1:], in_turn, strict=False))
    parts = [
        _HEAD,
        *(f"param {_ACCOUNTS[name][0]} string\n" for name in services),
        *(_account(name) for name in accounts),
        *(_role(name, role, before) for name, role in roles_to_define(model)),
        *(_entity(*each) for each in entities if each[0] in _ENTITIES and each[1] != WHOLE),
        *(_on_cosmos(grant, before) if grant.service == "cosmos" else _assignment(grant) for grant in grants),
    ]
    return "\n".join(parts)


def _has_parent(service: str, entity: str) -> bool:
    return entity == WHOLE or not (service == "blob" or "/subscriptions/" in entity)


def _account(service: str) -> str:
    parameter, kind = _ACCOUNTS[service]
    return f"resource {service} '{kind}' existing = {{\n  name: {parameter}\n}}\n"


def _role(name: str, role: Role, before: Mapping[str, str]) -> str:
    if role.kind == "cosmos":
        return f"""resource {symbol("role", name)} '{_COSMOS_ROLES}' = {{
  parent: cosmos
  name: guid(cosmos.id, {_text(name)})
  properties: {{
    roleName: {_text(name)}
    type: 'CustomRole'
    assignableScopes: [cosmos.id]
    permissions: [
      {{
        dataActions: {_list(role.dataActions)}
      }}
    ]
  }}
{_after(before.get(symbol("role", name)))}}}
"""
    return f"""resource {symbol("role", name)} 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {{
  name: guid(resourceGroup().id, {_text(name)})
  properties: {{
    roleName: {_text(name)}
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [
      {{
        actions: {_list(role.actions)}
        notActions: {_list(role.notActions)}
        dataActions: {_list(role.dataActions)}
        notDataActions: {_list(role.notDataActions)}
      }}
    ]
  }}
}}
"""


def _entity(service: str, entity: str) -> str:
    kind, found = _ENTITIES[service], f"  parent: {service}\n  name: {_text(entity)}"
    topic, _, subscription = entity.removeprefix("topics/").partition("/subscriptions/")
    if service == "blob":  # two levels below the account
        found = f"  name: '${{storageAccountName}}/default/{entity}'"
    elif service == "serviceBus" and subscription:
        kind, found = _SUBSCRIPTIONS, f"  name: '${{serviceBusName}}/{topic}/{subscription}'"
    elif service == "serviceBus" and entity.startswith("topics/"):
        kind, found = _TOPICS, f"  parent: {service}\n  name: {_text(topic)}"
    return f"resource {symbol('entity', f'{service} {entity}')} '{kind}' existing = {{\n{found}\n}}\n"


def _assignment(grant: Assignment) -> str:
    scope = grant.service if grant.entity == WHOLE else symbol("entity", f"{grant.service} {grant.entity}")
    if grant.role.kind == "custom":
        definition = f"{symbol('role', grant.role_name)}.id"
    else:
        definition = f"subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '{grant.role.id}')"
    return f"""resource {grant.symbol} 'Microsoft.Authorization/roleAssignments@2022-04-01' = {{
  scope: {scope}
  name: guid({scope}.id, {_text(grant.workload)}, {_text(grant.role_name)})
  properties: {{
    roleDefinitionId: {definition} // {grant.role_name}
    principalId: principals{_member(grant.workload)}
    principalType: 'ServicePrincipal'
  }}
}}
"""


def _on_cosmos(grant: Assignment, before: Mapping[str, str]) -> str:
    previous = before.get(grant.symbol)
    if previous == symbol("role", grant.role_name):
        previous = None  # the definition's id says so already
    if grant.role.id is None:
        definition = f"{symbol('role', grant.role_name)}.id"
    else:
        definition = f"'${{cosmos.id}}/sqlRoleDefinitions/{grant.role.id}'"
    return f"""resource {grant.symbol} '{_COSMOS_ASSIGNMENTS}' = {{
  parent: cosmos
  name: guid(cosmos.id, {_text(grant.workload)}, {_text(grant.role_name)}, {_text(grant.entity)})
  properties: {{
    roleDefinitionId: {definition} // {grant.role_name}
    principalId: principals{_member(grant.workload)}
    scope: '${{cosmos.id}}{grant.container_path}'
  }}
{_after(previous)}}}
"""


def _after(previous: str | None) -> str:
    return f"  dependsOn: [{previous}]\n" if previous else ""


def _member(name: str) -> str:
    """How Bicep's linter wants a property to be read."""
    return f".{name}" if re.fullmatch(r"[A-Za-z_]\w*", name) else f"[{_text(name)}]"


def _text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\${")
    return f"'{escaped}'"


def _list(actions: Sequence[str]) -> str:
    return "[" + "".join(f"\n          {_text(action)}" for action in actions) + ("\n        ]" if actions else "]")
