# The data plane's own roles, which are not Azure RBAC:
# https://learn.microsoft.com/azure/cosmos-db/nosql/reference-data-plane-security

locals {
  bicep_guid = "11fb06fb-712d-4ddd-98c7-e71bbd588830" # the name space of Bicep's guid(), so that both languages agree

  roles = { for name, role in var.access.roles : name => role if role.kind == "cosmos" }

  grants = merge([
    for workload_name, workload in var.access.workloads : {
      for grant in workload.grants : "${workload_name}/${grant.role}/${grant.scope}" => {
        identity = var.identities[workload_name]
        role     = grant.role
        # the scope's short form: the account's id, then `dbs` and `colls`
        scope = join("/", [
          azurerm_cosmosdb_account.this.id,
          "dbs/${local.containers[trimprefix(grant.scope, "cosmos/")].database}",
          "colls/${trimprefix(grant.scope, "cosmos/")}",
        ])
      } if startswith(grant.scope, "cosmos/")
    }
  ]...)
}

resource "azurerm_cosmosdb_sql_role_definition" "this" {
  for_each = local.roles

  role_definition_id  = uuidv5(local.bicep_guid, "${var.resource_group_id}-${each.key}")
  resource_group_name = var.resource_group_name
  account_name        = azurerm_cosmosdb_account.this.name
  name                = each.key
  type                = "CustomRole"
  assignable_scopes   = [azurerm_cosmosdb_account.this.id]

  permissions {
    data_actions = each.value.dataActions
  }
}

resource "azurerm_cosmosdb_sql_role_assignment" "this" {
  for_each = local.grants

  name                = uuidv5(local.bicep_guid, "${each.value.scope}-${each.value.identity.id}-${each.value.role}")
  resource_group_name = var.resource_group_name
  account_name        = azurerm_cosmosdb_account.this.name
  role_definition_id  = azurerm_cosmosdb_sql_role_definition.this[each.value.role].id
  principal_id        = each.value.identity.principal_id
  scope               = each.value.scope

  depends_on = [azurerm_cosmosdb_sql_container.this]
}
