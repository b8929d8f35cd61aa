# One identity each for the control plane, the kubelets and every workload. The cluster's own two are always
# user-assigned identities: AKS takes nothing else that needs no secret.

resource "azurerm_user_assigned_identity" "control_plane" {
  name                = "${var.name}-control-plane"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
}

resource "azurerm_user_assigned_identity" "kubelet" {
  name                = "${var.name}-kubelet"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
}

resource "azurerm_user_assigned_identity" "workload" {
  for_each = var.managed

  name                = "${var.name}-${each.key}"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
}

# An app registration is trusted and granted like a managed identity. To make one, the deployer must be allowed to register
# applications in the tenant. It could hold a secret too; none is made here.
resource "azuread_application" "workload" {
  for_each = var.applications

  display_name     = "${var.name}-${each.key}"
  sign_in_audience = "AzureADMyOrg"
}

resource "azuread_service_principal" "workload" {
  for_each = var.applications

  client_id = azuread_application.workload[each.key].client_id
}
