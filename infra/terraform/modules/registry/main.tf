# The container registry, explicitly in ABAC mode: Azure ignores AcrPull and AcrPush in it, and a role on images takes a
# condition on the repository (roles.tf).
# https://learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions

# Docker Hub refuses many pulls without an account, so the images' base comes from the official images' other public
# registry, once: the cache keeps it. https://learn.microsoft.com/azure/container-registry/artifact-cache-overview
resource "azurerm_container_registry_cache_rule" "base_image" {
  name                  = "python"
  container_registry_id = azurerm_container_registry.this.id
  source_repo           = "public.ecr.aws/docker/library/python"
  target_repo           = "${var.name}/python"
}

resource "azurerm_container_registry" "this" {
  name                          = var.registry_name
  resource_group_name           = var.resource_group_name
  location                      = var.location
  tags                          = var.tags
  sku                           = var.production ? "Premium" : "Basic"
  role_assignment_mode          = "AbacRepositoryPermissions"
  admin_enabled                 = false
  anonymous_pull_enabled        = false
  zone_redundancy_enabled       = var.production
  public_network_access_enabled = !var.production
  network_rule_bypass_option    = "None"
  # Images may not leave a private registry by export; the other tiers do not take the policy.
  export_policy_enabled = !var.production
}

# Builds in the network: a private registry is out of reach of the shared build machines.
resource "azurerm_container_registry_agent_pool" "build" {
  count = var.production ? 1 : 0

  name                      = "build"
  resource_group_name       = var.resource_group_name
  location                  = var.location
  tags                      = var.tags
  container_registry_name   = azurerm_container_registry.this.name
  tier                      = "S1"
  instance_count            = 1
  virtual_network_subnet_id = var.build_subnet_id
}
