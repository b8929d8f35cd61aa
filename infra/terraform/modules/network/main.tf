# Virtual network, subnets, and one NAT gateway: all traffic leaves the cluster from one fixed address.

locals {
  # StandardV2 is the zone-redundant kind: https://learn.microsoft.com/azure/nat-gateway/nat-sku
  nat_sku = var.production ? "StandardV2" : "Standard"
  zones   = var.production ? ["1", "2", "3"] : null

  # No network security group: AKS keeps its own on the nodes, and one on a subnet would have to repeat its rules.
  # In learn the pods reach the storage account through a service endpoint, since an account's address rules have no
  # effect on traffic from within its own region:
  # https://learn.microsoft.com/azure/storage/common/storage-network-security-limitations
  node_subnets = {
    system = { prefix = "10.224.0.0/24", nat = true, service_endpoints = [] }
    user   = { prefix = "10.224.4.0/22", nat = true, service_endpoints = var.production ? [] : ["Microsoft.Storage"] }
  }

  production_subnets = {
    private-endpoints = { prefix = "10.224.1.0/24", nat = false, service_endpoints = [] }
    build-agents      = { prefix = "10.224.2.0/24", nat = true, service_endpoints = [] }
  }

  subnets = merge(local.node_subnets, var.production ? local.production_subnets : {})
}

resource "azurerm_public_ip" "egress" {
  name                = "${var.name}-egress"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
  sku                 = local.nat_sku
  allocation_method   = "Static"
  ip_version          = "IPv4"
  zones               = local.zones
}

resource "azurerm_nat_gateway" "this" {
  name                = "${var.name}-nat"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
  sku_name            = local.nat_sku
  zones               = local.zones
}

resource "azurerm_nat_gateway_public_ip_association" "egress" {
  nat_gateway_id       = azurerm_nat_gateway.this.id
  public_ip_address_id = azurerm_public_ip.egress.id
}

resource "azurerm_virtual_network" "this" {
  name                = "${var.name}-vnet"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
  address_space       = ["10.224.0.0/16"]
}

resource "azurerm_subnet" "this" {
  for_each = local.subnets

  name                            = each.key
  resource_group_name             = var.resource_group_name
  virtual_network_name            = azurerm_virtual_network.this.name
  address_prefixes                = [each.value.prefix]
  default_outbound_access_enabled = false

  dynamic "service_endpoint" {
    for_each = each.value.service_endpoints

    content {
      service = service_endpoint.value
    }
  }
}

resource "azurerm_subnet_nat_gateway_association" "this" {
  for_each = { for name, subnet in local.subnets : name => subnet if subnet.nat }

  subnet_id      = azurerm_subnet.this[each.key].id
  nat_gateway_id = azurerm_nat_gateway.this.id
}
