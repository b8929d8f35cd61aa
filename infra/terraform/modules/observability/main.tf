# Where the audit trail and the pods' logs go, and what is looked at in them: a diagnostic setting on every service, the
# collection of the pods' logs, and the rules of ../../../alerts.yaml.

locals {
  pod_streams = ["Microsoft-ContainerLogV2", "Microsoft-KubePodInventory"]

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

resource "azurerm_monitor_diagnostic_setting" "audit" {
  for_each = local.logs

  name                           = "audit"
  target_resource_id             = each.value.target
  log_analytics_workspace_id     = var.workspace_id
  log_analytics_destination_type = each.value.dedicated ? "Dedicated" : null

  dynamic "enabled_log" {
    for_each = each.value.categories

    content {
      category = enabled_log.value
    }
  }

  dynamic "enabled_metric" {
    for_each = each.key == "service-bus" ? ["AllMetrics"] : []

    content {
      category = enabled_metric.value
    }
  }
}

# Container Insights, with the add-on's own identity: https://learn.microsoft.com/azure/azure-monitor/containers/kubernetes-monitoring-enable
resource "azurerm_monitor_data_collection_rule" "pod_logs" {
  name                = "${var.name}-pod-logs"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
  kind                = "Linux"

  data_sources {
    extension {
      name           = "ContainerInsightsExtension"
      extension_name = "ContainerInsights"
      streams        = local.pod_streams
      extension_json = jsonencode({
        dataCollectionSettings = {
          interval               = "1m"
          namespaceFilteringMode = "Include"
          namespaces             = [var.namespace]
          enableContainerLogV2   = true
        }
      })
    }
  }

  destinations {
    log_analytics {
      name                  = "workspace"
      workspace_resource_id = var.workspace_id
    }
  }

  data_flow {
    streams      = local.pod_streams
    destinations = ["workspace"]
  }
}

resource "azurerm_monitor_data_collection_rule_association" "pod_logs" {
  name                    = "ContainerInsightsExtension"
  target_resource_id      = var.audited.cluster
  data_collection_rule_id = azurerm_monitor_data_collection_rule.pod_logs.id
}

resource "azurerm_monitor_scheduled_query_rules_alert_v2" "this" {
  for_each = var.alerts

  name                    = "${var.name}-${each.key}"
  resource_group_name     = var.resource_group_name
  location                = var.location
  tags                    = var.tags
  description             = each.value.because
  severity                = 2
  scopes                  = [var.workspace_id]
  evaluation_frequency    = "PT5M"
  window_duration         = "PT15M"
  auto_mitigation_enabled = true
  skip_query_validation   = true # a table exists once it has a row

  criteria {
    query                   = each.value.query
    time_aggregation_method = "Count"
    operator                = "GreaterThan"
    threshold               = 0
  }
}
