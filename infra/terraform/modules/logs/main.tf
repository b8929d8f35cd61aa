# The workspace of the audit trail and of the pods' logs. It takes no key.

# Ingestion stays on public addresses in production too, behind tokens; to make it private takes an Azure Monitor Private
# Link Scope, which changes name resolution for every workspace that the network reaches.
resource "azurerm_log_analytics_workspace" "this" {
  name                         = "${var.name}-logs"
  resource_group_name          = var.resource_group_name
  location                     = var.location
  tags                         = var.tags
  sku                          = "PerGB2018"
  retention_in_days            = var.production ? 90 : 30
  local_authentication_enabled = false
}
