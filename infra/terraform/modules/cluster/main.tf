# The AKS cluster. The workloads' identities trust its OIDC issuer. It has no local accounts, so no certificate opens it.

locals {
  zones = var.production ? ["1", "2", "3"] : null
  size  = coalesce(var.node_size, var.production ? "Standard_D4ads_v5" : "Standard_D2ads_v5")
}

resource "azurerm_kubernetes_cluster" "this" {
  name                = "${var.name}-aks"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
  sku_tier            = var.production ? "Standard" : "Free"
  kubernetes_version  = "1.37"
  dns_prefix          = var.dns_prefix
  node_resource_group = "${var.name}-nodes"

  identity {
    type         = "UserAssigned"
    identity_ids = [var.control_plane_id]
  }

  kubelet_identity {
    user_assigned_identity_id = var.kubelet.id
    client_id                 = var.kubelet.client_id
    object_id                 = var.kubelet.principal_id
  }

  # Workload identity: the issuer signs service accounts' tokens, the webhook adds the volume that projects them.
  oidc_issuer_enabled       = true
  workload_identity_enabled = true

  # People sign in with Entra tokens, and Azure role assignments decide what they may do.
  local_account_disabled            = true
  role_based_access_control_enabled = true

  azure_active_directory_role_based_access_control {
    azure_rbac_enabled = true
    tenant_id          = var.tenant_id
  }

  private_cluster_enabled             = var.production
  private_cluster_public_fqdn_enabled = false
  private_dns_zone_id                 = var.production ? "System" : null

  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_data_plane  = "cilium"
    network_policy      = "cilium"
    pod_cidr            = "10.244.0.0/16"
    service_cidr        = "10.0.0.0/16"
    dns_service_ip      = "10.0.0.10"
    load_balancer_sku   = "standard"
    outbound_type       = "userAssignedNATGateway"
  }

  default_node_pool {
    name                         = "system"
    type                         = "VirtualMachineScaleSets"
    only_critical_addons_enabled = true
    vnet_subnet_id               = var.system_subnet_id
    vm_size                      = local.size
    os_sku                       = "AzureLinux"
    os_disk_type                 = "Ephemeral"
    os_disk_size_gb              = 64
    max_pods                     = 110
    zones                        = local.zones
    auto_scaling_enabled         = true
    node_public_ip_enabled       = false
    min_count                    = var.production ? 3 : 1
    max_count                    = var.production ? 5 : 2

    upgrade_settings {
      max_surge = "33%"
    }
  }

  # Nodes come from the two pools, not from node auto-provisioning. azurerm 5 requires this block.
  node_provisioning_profile {
    mode = "Manual"
  }

  workload_autoscaler_profile {
    keda_enabled = true
  }

  # The add-on without its NGINX, which is out of support: the Gateway API takes its place, below.
  web_app_routing {
    dns_zone_ids             = []
    default_nginx_controller = "None"
  }

  oms_agent {
    log_analytics_workspace_id      = var.workspace_id
    msi_auth_for_monitoring_enabled = true
  }

  dynamic "key_vault_secrets_provider" {
    for_each = var.certificate_from_vault ? [true] : []

    content {
      secret_rotation_enabled = true
    }
  }

  automatic_upgrade_channel = "patch"
  node_os_upgrade_channel   = "NodeImage"
}

resource "azurerm_kubernetes_cluster_node_pool" "user" {
  name                   = "user"
  kubernetes_cluster_id  = azurerm_kubernetes_cluster.this.id
  tags                   = var.tags
  mode                   = "User"
  vnet_subnet_id         = var.user_subnet_id
  vm_size                = local.size
  os_type                = "Linux"
  os_sku                 = "AzureLinux"
  os_disk_type           = "Ephemeral"
  os_disk_size_gb        = 64
  max_pods               = 110
  zones                  = local.zones
  auto_scaling_enabled   = true
  node_public_ip_enabled = false
  min_count              = max(var.node_count, var.production ? 3 : 1)
  max_count              = max(var.node_count, var.production ? 10 : 3)

  upgrade_settings {
    max_surge = "33%"
  }
}

# Why azapi: azurerm has no Gateway API of application routing.
# https://learn.microsoft.com/azure/aks/app-routing-gateway-api
resource "azapi_update_resource" "gateway_api" {
  type        = "Microsoft.ContainerService/managedClusters@2026-08-01"
  resource_id = azurerm_kubernetes_cluster.this.id

  body = {
    properties = {
      ingressProfile = {
        gatewayAPI    = { installation = "Standard" }
        webAppRouting = { gatewayAPIImplementations = { appRoutingIstio = { mode = "Enabled" } } }
      }
    }
  }

  depends_on = [azurerm_kubernetes_cluster_node_pool.user]
}

# https://learn.microsoft.com/azure/aks/manage-azure-rbac
resource "azurerm_role_assignment" "deployer_administers" {
  for_each = var.deployers

  # uuidv5's name space is the one of Bicep's guid(), so that both languages agree
  name               = uuidv5("11fb06fb-712d-4ddd-98c7-e71bbd588830", "${azurerm_kubernetes_cluster.this.id}-${each.key}-Azure Kubernetes Service RBAC Cluster Admin")
  scope              = azurerm_kubernetes_cluster.this.id
  role_definition_id = "${var.built_in_roles}/b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b"
  principal_id       = each.key
  principal_type     = each.value
}
