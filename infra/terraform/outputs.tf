# The names are the ones of ../bicep/main.bicep, so that manifests and scripts take either. None is a secret.

output "tenantId" {
  value = local.tenant_id
}

output "resourceGroupName" {
  value = azurerm_resource_group.this.name
}

output "clusterName" {
  value = module.cluster.name
}

output "oidcIssuerUrl" {
  value = module.cluster.oidc_issuer_url
}

output "keyVaultEndpoint" {
  value = module.key_vault.endpoint
}

output "vaultName" {
  value = local.unique
}

output "cosmosEndpoint" {
  value = module.cosmos.endpoint
}

output "blobEndpoint" {
  value = module.storage.blob_endpoint
}

output "serviceBusNamespace" {
  value = module.service_bus.fully_qualified_namespace
}

output "registryLoginServer" {
  value = module.registry.login_server
}

output "frontendClientId" {
  value = module.identities.workloads["frontend"].client_id
}

output "backendClientId" {
  value = module.identities.workloads["backend"].client_id
}

output "redriveClientId" {
  value = module.identities.workloads["redrive"].client_id
}

output "repairClientId" {
  value = module.identities.workloads["repair"].client_id
}

output "kedaClientId" {
  value = module.identities.workloads["keda"].client_id
}

output "gatewayClientId" {
  description = "Empty without a hostname."
  value       = try(module.identities.workloads["gateway"].client_id, "")
}

output "hostname" {
  description = "The name under which the Gateway serves; empty if nothing is exposed."
  value       = var.hostname
}

output "egressAddress" {
  value = module.network.egress_address
}
