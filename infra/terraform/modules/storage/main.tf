# The storage account and its containers. No key opens it, only a token.

resource "azurerm_storage_account" "this" {
  name                     = var.account_name
  resource_group_name      = var.resource_group_name
  location                 = var.location
  tags                     = var.tags
  account_kind             = "StorageV2"
  account_tier             = "Standard"
  account_replication_type = var.production ? "ZRS" : "LRS"
  access_tier              = "Hot"

  shared_access_key_enabled        = false
  default_to_oauth_authentication  = true
  allow_nested_items_to_be_public  = false
  cross_tenant_replication_enabled = false
  local_user_enabled               = false
  min_tls_version                  = "TLS1_2"
  https_traffic_only_enabled       = true
  public_network_access_enabled    = !var.production

  network_rules {
    bypass                     = ["None"]
    default_action             = "Deny"
    virtual_network_subnet_ids = var.production ? [] : [var.user_subnet_id]
    ip_rules                   = var.addresses
  }

  blob_properties {
    versioning_enabled = true

    delete_retention_policy {
      days = 7
    }

    container_delete_retention_policy {
      days = 7
    }
  }
}

resource "azurerm_storage_container" "this" {
  for_each = var.containers

  name                  = each.key
  storage_account_id    = azurerm_storage_account.this.id
  container_access_type = "private"
}
