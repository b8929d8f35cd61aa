"""An access model's roles and assignments as a Terraform module of azurerm, for accounts that are there already."""

from collections.abc import Sequence

from localcloud.authorization.model import AccessModel
from localcloud.authorization.roles import Role
from localcloud.operator.infrastructure import WHOLE, Assignment, assignments, roles_to_define, symbol

_HEAD = """# Written by `localcloud least-privilege --as terraform`: what was used, and no more.

variable "principals" {
  description = "The object id of each workload's identity, by the workload's name."
  type        = map(string)
}
"""
_ACCOUNTS = {  # the variable with the account's id, and the path from there to an entity
    "keyVault": ("key_vault_id", "secrets"),
    "serviceBus": ("servicebus_namespace_id", "queues"),
    "blob": ("storage_account_id", "blobServices/default/containers"),
}
_BUILT_IN = "/subscriptions/${var.subscription_id}/providers/Microsoft.Authorization/roleDefinitions"
_COSMOS = ("cosmos_account_id", "cosmos_account_name", "cosmos_resource_group_name")


def terraform(model: AccessModel) -> str:
    """Return the module: variables for the accounts, then the roles and the assignments."""
    grants, roles = list(assignments(model)), roles_to_define(model)
    services = {grant.service for grant in grants}
    variables = [
        *(["subscription_id"] if any(grant.role.kind == "builtIn" for grant in grants) else []),
        *(["resource_group_id"] if any(role.kind == "custom" for _name, role in roles) else []),
        *(variable for name, (variable, _path) in _ACCOUNTS.items() if name in services),
        *(_COSMOS if "cosmos" in services else ()),
    ]
    parts = [
        _HEAD,
        *(f'variable "{name}" {{\n  type = string\n}}\n' for name in variables),
        *(_cosmos_role(name, role) if role.kind == "cosmos" else _role(name, role) for name, role in roles),
        *(_on_cosmos(grant) if grant.service == "cosmos" else _assignment(grant) for grant in grants),
    ]
    return "\n".join(parts)


def _role(name: str, role: Role) -> str:
    return f"""resource "azurerm_role_definition" "{symbol("role", name)}" {{
  name              = {_text(name)}
  scope             = var.resource_group_id
  assignable_scopes = [var.resource_group_id]

  permissions {{
    actions          = {_list(role.actions)}
    not_actions      = {_list(role.notActions)}
    data_actions     = {_list(role.dataActions)}
    not_data_actions = {_list(role.notDataActions)}
  }}
}}
"""


def _cosmos_role(name: str, role: Role) -> str:
    return f"""resource "azurerm_cosmosdb_sql_role_definition" "{symbol("role", name)}" {{
  name                = {_text(name)}
  resource_group_name = var.cosmos_resource_group_name
  account_name        = var.cosmos_account_name
  type                = "CustomRole"
  assignable_scopes   = [var.cosmos_account_id]

  permissions {{
    data_actions = {_list(role.dataActions)}
  }}
}}
"""


def _assignment(grant: Assignment) -> str:
    variable, path = _ACCOUNTS[grant.service]
    entity = grant.entity if grant.entity.startswith("topics/") else f"{path}/{grant.entity}"
    scope = f"var.{variable}" if grant.entity == WHOLE else f'"${{var.{variable}}}/{entity}"'
    if grant.role.kind == "custom":
        definition = f"azurerm_role_definition.{symbol('role', grant.role_name)}.role_definition_resource_id"
    else:
        definition = f'"{_BUILT_IN}/{grant.role.id}" # {grant.role_name}'
    return f"""resource "azurerm_role_assignment" "{grant.symbol}" {{
  scope              = {scope}
  role_definition_id = {definition}
  principal_id       = var.principals[{_text(grant.workload)}]
  principal_type     = "ServicePrincipal"
}}
"""


def _on_cosmos(grant: Assignment) -> str:
    if grant.role.id is None:
        definition = f"azurerm_cosmosdb_sql_role_definition.{symbol('role', grant.role_name)}.id"
    else:
        definition = f'"${{var.cosmos_account_id}}/sqlRoleDefinitions/{grant.role.id}" # {grant.role_name}'
    path = grant.container_path
    scope = f'"${{var.cosmos_account_id}}{path}"' if path else "var.cosmos_account_id"
    return f"""resource "azurerm_cosmosdb_sql_role_assignment" "{grant.symbol}" {{
  resource_group_name = var.cosmos_resource_group_name
  account_name        = var.cosmos_account_name
  role_definition_id  = {definition}
  principal_id        = var.principals[{_text(grant.workload)}]
  scope               = {scope}
}}
"""


def _text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "$${").replace("%{", "%%{")
    return f'"{escaped}"'


def _list(actions: Sequence[str]) -> str:
    return f"[{', '.join(_text(action) for action in actions)}]"
