# Production only: each service has an address in the network, and its public name resolves to it there.
# Zones' names: https://learn.microsoft.com/azure/private-link/private-endpoint-dns

locals {
  services = {
    key-vault   = { resource = var.services.key_vault, group = "vault", zone = "privatelink.vaultcore.azure.net" }
    cosmos      = { resource = var.services.cosmos, group = "Sql", zone = "privatelink.documents.azure.com" }
    blob        = { resource = var.services.storage, group = "blob", zone = "privatelink.blob.core.windows.net" }
    service-bus = { resource = var.services.service_bus, group = "namespace", zone = "privatelink.servicebus.windows.net" }
    registry    = { resource = var.services.registry, group = "registry", zone = "privatelink.azurecr.io" }
  }
}

resource "azurerm_private_dns_zone" "this" {
  for_each = local.services

  name                = each.value.zone
  resource_group_name = var.resource_group_name
  tags                = var.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "this" {
  for_each = local.services

  name                 = basename(var.virtual_network_id)
  private_dns_zone_id  = azurerm_private_dns_zone.this[each.key].id
  virtual_network_id   = var.virtual_network_id
  registration_enabled = false
  tags                 = var.tags
}

resource "azurerm_private_endpoint" "this" {
  for_each = local.services

  name                = "${var.name}-${each.key}"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
  subnet_id           = var.subnet_id

  private_service_connection {
    name                           = each.key
    private_connection_resource_id = each.value.resource
    subresource_names              = [each.value.group]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [azurerm_private_dns_zone.this[each.key].id]
  }

  depends_on = [azurerm_private_dns_zone_virtual_network_link.this]
}
