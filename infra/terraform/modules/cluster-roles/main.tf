# What the control plane's identity may do before there is a cluster: put nodes into the two subnets, and run them with
# the kubelet's identity. https://learn.microsoft.com/azure/aks/use-managed-identity

locals {
  bicep_guid = "11fb06fb-712d-4ddd-98c7-e71bbd588830" # the name space of Bicep's guid(), so that both languages agree

  subnet_joiner             = "Keyless Subnet Joiner"
  managed_identity_operator = "f1a07417-d97a-45cb-824c-7a7467783830"
}

# Network Contributor, the usual grant, could change the subnets too.
resource "azurerm_role_definition" "subnet_joiner" {
  role_definition_id = uuidv5(local.bicep_guid, "${var.resource_group_id}-${local.subnet_joiner}")
  name               = "${local.subnet_joiner} (${var.deployment})"
  description        = "Reads a subnet and puts nodes into it."
  scope              = var.resource_group_id
  assignable_scopes  = [var.resource_group_id]

  permissions {
    actions = [
      "Microsoft.Network/virtualNetworks/subnets/join/action",
      "Microsoft.Network/virtualNetworks/subnets/read",
    ]
  }
}

resource "azurerm_role_assignment" "joins" {
  for_each = var.node_subnet_ids

  name               = uuidv5(local.bicep_guid, "${each.value}-${var.control_plane.id}-${local.subnet_joiner}")
  scope              = each.value
  role_definition_id = azurerm_role_definition.subnet_joiner.role_definition_resource_id
  principal_id       = var.control_plane.principal_id
  principal_type     = "ServicePrincipal"
}

resource "azurerm_role_assignment" "runs_as_kubelet" {
  name               = uuidv5(local.bicep_guid, "${var.kubelet_id}-${var.control_plane.id}-Managed Identity Operator")
  scope              = var.kubelet_id
  role_definition_id = "${var.built_in_roles}/${local.managed_identity_operator}"
  principal_id       = var.control_plane.principal_id
  principal_type     = "ServicePrincipal"
}
