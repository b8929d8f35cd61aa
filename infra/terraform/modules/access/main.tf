# The grants of the access model on Key Vault, Service Bus and Blob Storage, each at its entity's own scope: a secret, a
# queue, a container. Cosmos DB's data plane has roles of its own: modules/cosmos/roles.tf.

locals {
  bicep_guid = "11fb06fb-712d-4ddd-98c7-e71bbd588830" # the name space of Bicep's guid(), so that both languages agree

  custom_roles   = { for name, role in var.access.roles : name => role if role.kind == "custom" }
  built_in_roles = { for name, role in var.access.roles : name => role if role.kind == "builtIn" }

  role_ids = merge(
    {
      for name, role in local.built_in_roles : name =>
      "${var.built_in_roles}/${role.id}"
    },
    { for name, role in azurerm_role_definition.custom : name => role.role_definition_resource_id },
  )

  grants = merge([
    for workload_name, workload in var.access.workloads : {
      for grant in workload.grants : "${workload_name}/${grant.role}/${grant.scope}" => {
        identity = var.identities[workload_name]
        role     = grant.role
        scope    = "${var.entities[split("/", grant.scope)[0]]}/${split("/", grant.scope)[1]}"
      } if contains(keys(var.entities), split("/", grant.scope)[0])
    }
  ]...)
}

resource "azurerm_role_definition" "custom" {
  for_each = local.custom_roles

  role_definition_id = uuidv5(local.bicep_guid, "${var.resource_group_id}-${each.key}")
  name               = "${each.key} (${var.deployment})"
  description        = "No built-in role is as small."
  scope              = var.resource_group_id
  assignable_scopes  = [var.resource_group_id]

  permissions {
    actions          = try(each.value.actions, [])
    not_actions      = try(each.value.notActions, [])
    data_actions     = try(each.value.dataActions, [])
    not_data_actions = try(each.value.notDataActions, [])
  }
}

resource "azurerm_role_assignment" "grant" {
  for_each = local.grants

  name               = uuidv5(local.bicep_guid, "${each.value.scope}-${each.value.identity.id}-${each.value.role}")
  scope              = each.value.scope
  role_definition_id = local.role_ids[each.value.role]
  principal_id       = each.value.identity.principal_id
  principal_type     = "ServicePrincipal"
}
