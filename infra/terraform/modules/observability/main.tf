# Where the audit trail goes: Log Analytics, a diagnostic setting on every service, Application Insights. None of them
# takes a key: telemetry is sent with a token, by those who hold Monitoring Metrics Publisher.

locals {
  bicep_guid = "11fb06fb-712d-4ddd-98c7-e71bbd588830" # the name space of Bicep's guid(), so that both languages agree

  # `dedicated`: whether the service writes tables of its own. Some services have none, or no choice.
  logs = {
    key-vault = {
      target     = var.audited.key_vault
      categories = ["AuditEvent"]
      dedicated  = true
    }
    cosmos = {
      target     = var.audited.cosmos
      categories = ["DataPlaneRequests", "ControlPlaneRequests"]
      dedicated  = true
    }
    blob = {
      target     = "${var.audited.storage}/blobServices/default"
      categories = ["StorageRead", "StorageWrite", "StorageDelete"]
      dedicated  = false
    }
    # Which identity sent or received is a log of Premium namespaces only.
    # https://learn.microsoft.com/azure/service-bus-messaging/monitor-service-bus-reference
    service-bus = {
      target     = var.audited.service_bus
      categories = var.production ? ["OperationalLogs", "RuntimeAuditLogs"] : ["OperationalLogs"]
      dedicated  = true
    }
    registry = {
      target     = var.audited.registry
      categories = ["ContainerRegistryLoginEvents", "ContainerRegistryRepositoryEvents"]
      dedicated  = false
    }
    # The controllers' logs show which identity made a load balancer or a disk.
    cluster = {
      target     = var.audited.cluster
      categories = ["kube-audit-admin", "guard", "cloud-controller-manager", "csi-azuredisk-controller"]
      dedicated  = true
    }
  }
}

resource "azurerm_log_analytics_workspace" "this" {
  name                         = "${var.name}-logs"
  resource_group_name          = var.resource_group_name
  location                     = var.location
  tags                         = var.tags
  sku                          = "PerGB2018"
  retention_in_days            = var.production ? 90 : 30
  local_authentication_enabled = false
}

# Ingestion stays on public addresses in production too, behind tokens; to make it private takes an Azure Monitor Private
# Link Scope, which changes name resolution for every workspace that the network reaches.
resource "azurerm_application_insights" "this" {
  name                         = "${var.name}-insights"
  resource_group_name          = var.resource_group_name
  location                     = var.location
  tags                         = var.tags
  application_type             = "web"
  workspace_id                 = azurerm_log_analytics_workspace.this.id
  local_authentication_enabled = false
}

# https://learn.microsoft.com/azure/azure-monitor/app/azure-ad-authentication
resource "azurerm_role_assignment" "publisher" {
  for_each = var.publishers

  name               = uuidv5(local.bicep_guid, "${azurerm_application_insights.this.id}-${each.value.id}-Monitoring Metrics Publisher")
  scope              = azurerm_application_insights.this.id
  role_definition_id = "${var.built_in_roles}/3913510d-42f4-4e42-8a64-420c390055eb"
  principal_id       = each.value.principal_id
  principal_type     = "ServicePrincipal"
}

resource "azurerm_monitor_diagnostic_setting" "audit" {
  for_each = local.logs

  name                           = "audit"
  target_resource_id             = each.value.target
  log_analytics_workspace_id     = azurerm_log_analytics_workspace.this.id
  log_analytics_destination_type = each.value.dedicated ? "Dedicated" : null

  dynamic "enabled_log" {
    for_each = each.value.categories

    content {
      category = enabled_log.value
    }
  }
}
