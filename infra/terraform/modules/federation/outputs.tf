output "managed" {
  description = "The credentials of user-assigned identities, as `workload/issuer`."
  value       = keys(azurerm_federated_identity_credential.this)
}

output "applications" {
  description = "The credentials of app registrations, as `workload/issuer`."
  value       = keys(azuread_application_federated_identity_credential.this)
}

output "bindings" {
  description = "The workloads whose identities have a binding with the cluster."
  value       = keys(azapi_resource.binding)
}
