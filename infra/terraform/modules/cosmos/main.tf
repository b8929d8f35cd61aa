# Cosmos DB: account, database and containers. Who may read and write in it is in roles.tf.

locals {
  containers = var.access.entities.cosmos
}

resource "azurerm_cosmosdb_account" "this" {
  name                = var.account_name
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
  kind                = "GlobalDocumentDB"
  offer_type          = "Standard"

  local_authentication_enabled          = false
  access_key_metadata_writes_enabled    = false
  minimal_tls_version                   = "Tls12"
  public_network_access_enabled         = !var.production
  network_acl_bypass_for_azure_services = false
  ip_range_filter                       = var.production ? [] : var.allowed_addresses

  dynamic "capabilities" {
    for_each = var.production ? [] : ["EnableServerless"]

    content {
      name = capabilities.value
    }
  }

  geo_location {
    location          = var.location
    failover_priority = 0
    zone_redundant    = var.production
  }

  consistency_policy {
    consistency_level = "Session"
  }

  backup {
    type = "Continuous"
    tier = "Continuous7Days"
  }
}

resource "azurerm_cosmosdb_sql_database" "this" {
  for_each = toset([for container in local.containers : container.database])

  name                = each.key
  resource_group_name = var.resource_group_name
  account_name        = azurerm_cosmosdb_account.this.name
}

resource "azurerm_cosmosdb_sql_container" "this" {
  for_each = local.containers

  name                  = each.key
  resource_group_name   = var.resource_group_name
  account_name          = azurerm_cosmosdb_account.this.name
  database_name         = azurerm_cosmosdb_sql_database.this[each.value.database].name
  partition_key_paths   = [each.value.partitionKey]
  partition_key_kind    = "Hash"
  partition_key_version = 2
  default_ttl           = try(each.value.defaultTtl, null)

  dynamic "autoscale_settings" {
    for_each = var.production ? [1000] : []

    content {
      max_throughput = autoscale_settings.value
    }
  }
}
