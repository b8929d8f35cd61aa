# The whole deployment, in order. ../README.md lists what each module holds. All grants come from ../access.yaml.

locals {
  model      = yamldecode(file("${path.module}/../access.yaml"))
  production = var.profile == "production"
  tags       = { application = var.name, profile = var.profile }

  unique  = "${var.name}-${var.suffix}"
  compact = "${var.name}${var.suffix}"

  # The Gateway reads its certificate as a workload of its own. It is not in the model, which is the application's. It has
  # another namespace, since Application routing's proxies do not meet the Pod Security Standard of the application's pods.
  gateway = {
    namespace      = "${local.model.workloads.frontend.namespace}-gateway"
    serviceAccount = "gateway"
    grants         = [{ role = "Key Vault Secrets User", scope = "keyVault/gateway-certificate" }]
  }
  workloads = merge(local.model.workloads, var.hostname == "" ? {} : { gateway = local.gateway })
  access    = merge(local.model, { workloads = local.workloads })

  # Application routing takes managed identities only, so the Gateway's is always one.
  applications = var.identity_kind == "application" ? keys(local.model.workloads) : []
  managed      = setsubtract(keys(local.workloads), local.applications)

  federated = {
    for name, workload in local.workloads : name => {
      id      = module.identities.workloads[name].id
      subject = "system:serviceaccount:${workload.namespace}:${workload.serviceAccount}"
      issuers = name == "gateway" ? [] : var.issuers

      federation = name == "gateway" ? "credentials" : try(workload.federation, var.federation)
    }
  }

  tenant_id = data.azurerm_client_config.current.tenant_id
  built_in_roles = join("/", [
    "/subscriptions/${data.azurerm_client_config.current.subscription_id}",
    "providers/Microsoft.Authorization/roleDefinitions",
  ])
  deployers = { for each in var.deployers : each.principal_id => each.principal_type }
  allowed   = concat([module.network.egress_address], var.addresses)
}

data "azurerm_client_config" "current" {}

resource "azurerm_resource_group" "this" {
  name     = "${var.name}-rg"
  location = var.location
  tags     = merge(local.tags, var.record)
}

module "policies" {
  source = "./modules/policies"

  name              = var.name
  resource_group_id = azurerm_resource_group.this.id
  tenant_id         = local.tenant_id
  issuers           = var.issuers
}

module "network" {
  source = "./modules/network"

  name                = var.name
  location            = var.location
  tags                = local.tags
  resource_group_name = azurerm_resource_group.this.name
  production          = local.production
}

module "identities" {
  source = "./modules/identities"

  name                = var.name
  location            = var.location
  tags                = local.tags
  resource_group_name = azurerm_resource_group.this.name
  managed             = local.managed
  applications        = local.applications
}

module "key_vault" {
  source = "./modules/key-vault"

  vault_name           = local.unique
  location             = var.location
  tags                 = local.tags
  resource_group_name  = azurerm_resource_group.this.name
  production           = local.production
  tenant_id            = local.tenant_id
  allowed_addresses    = local.allowed
  frontend_signing_key = var.frontend_signing_key
  receipt_public_key   = var.receipt_public_key
  receipt_signing_key  = var.receipt_signing_key
}

module "cosmos" {
  source = "./modules/cosmos"

  account_name        = local.unique
  location            = var.location
  tags                = local.tags
  resource_group_name = azurerm_resource_group.this.name
  resource_group_id   = azurerm_resource_group.this.id
  production          = local.production
  access              = local.access
  identities          = module.identities.workloads
  allowed_addresses   = local.allowed
}

module "storage" {
  source = "./modules/storage"

  account_name        = local.compact
  location            = var.location
  tags                = local.tags
  resource_group_name = azurerm_resource_group.this.name
  production          = local.production
  containers          = keys(local.access.entities.blob)
  user_subnet_id      = module.network.subnet_ids["user"]
  addresses           = var.addresses
}

module "service_bus" {
  source = "./modules/service-bus"

  namespace_name      = local.unique
  location            = var.location
  tags                = local.tags
  resource_group_name = azurerm_resource_group.this.name
  production          = local.production
  queues              = local.access.entities.serviceBus
  allowed_addresses   = local.allowed
}

module "registry" {
  source = "./modules/registry"

  name                = var.name
  registry_name       = local.compact
  location            = var.location
  tags                = local.tags
  resource_group_name = azurerm_resource_group.this.name
  production          = local.production
  built_in_roles      = local.built_in_roles
  kubelet             = module.identities.kubelet
  deployers           = local.deployers
  build_subnet_id     = lookup(module.network.subnet_ids, "build-agents", null)
}

module "cluster_roles" {
  source = "./modules/cluster-roles"

  resource_group_id = azurerm_resource_group.this.id
  built_in_roles    = local.built_in_roles
  deployment        = local.unique
  control_plane     = module.identities.control_plane
  kubelet_id        = module.identities.kubelet.id
  node_subnet_ids   = { for name in ["system", "user"] : name => module.network.subnet_ids[name] }
}

module "logs" {
  source = "./modules/logs"

  name                = var.name
  location            = var.location
  tags                = local.tags
  resource_group_name = azurerm_resource_group.this.name
  production          = local.production
}

module "cluster" {
  source = "./modules/cluster"

  name                   = var.name
  location               = var.location
  tags                   = local.tags
  resource_group_name    = azurerm_resource_group.this.name
  production             = local.production
  dns_prefix             = local.unique
  tenant_id              = local.tenant_id
  built_in_roles         = local.built_in_roles
  control_plane_id       = module.identities.control_plane.id
  kubelet                = module.identities.kubelet
  system_subnet_id       = module.network.subnet_ids["system"]
  user_subnet_id         = module.network.subnet_ids["user"]
  deployers              = local.deployers
  certificate_from_vault = var.hostname != ""
  workspace_id           = module.logs.id
  node_size              = var.node_size
  node_count             = var.node_count

  depends_on = [module.cluster_roles]
}

module "federation" {
  source = "./modules/federation"

  cluster_id         = module.cluster.id
  cluster_issuer_url = module.cluster.oidc_issuer_url
  managed            = { for name in local.managed : name => local.federated[name] }
  applications       = { for name in local.applications : name => local.federated[name] }

  depends_on = [module.policies]
}

module "access" {
  source = "./modules/access"

  resource_group_id = azurerm_resource_group.this.id
  built_in_roles    = local.built_in_roles
  deployment        = local.unique
  access            = local.access
  identities        = module.identities.workloads

  entities = {
    keyVault   = module.key_vault.entities
    serviceBus = module.service_bus.entities
    blob       = module.storage.entities
  }
}

module "observability" {
  source = "./modules/observability"

  name                = var.name
  location            = var.location
  tags                = local.tags
  resource_group_name = azurerm_resource_group.this.name
  production          = local.production
  workspace_id        = module.logs.id
  namespace           = local.model.workloads.frontend.namespace
  alerts              = yamldecode(file("${path.module}/../alerts.yaml"))

  audited = {
    key_vault   = module.key_vault.id
    cosmos      = module.cosmos.id
    storage     = module.storage.id
    service_bus = module.service_bus.id
    registry    = module.registry.id
    cluster     = module.cluster.id
  }
}

module "private_endpoints" {
  source = "./modules/private-endpoints"
  count  = local.production ? 1 : 0

  name                = var.name
  location            = var.location
  tags                = local.tags
  resource_group_name = azurerm_resource_group.this.name
  virtual_network_id  = module.network.virtual_network_id
  subnet_id           = module.network.subnet_ids["private-endpoints"]

  services = {
    key_vault   = module.key_vault.id
    cosmos      = module.cosmos.id
    storage     = module.storage.id
    service_bus = module.service_bus.id
    registry    = module.registry.id
  }
}
