output "control_plane" {
  value = {
    id           = azurerm_user_assigned_identity.control_plane.id
    principal_id = azurerm_user_assigned_identity.control_plane.principal_id
  }
}

output "kubelet" {
  value = {
    id           = azurerm_user_assigned_identity.kubelet.id
    client_id    = azurerm_user_assigned_identity.kubelet.client_id
    principal_id = azurerm_user_assigned_identity.kubelet.principal_id
  }
}

output "workloads" {
  description = "Each workload's `id` (what a federated credential belongs to), `client_id` and `principal_id` (what roles are assigned to)."
  value = merge(
    {
      for workload, identity in azurerm_user_assigned_identity.workload : workload => {
        id           = identity.id
        client_id    = identity.client_id
        principal_id = identity.principal_id
      }
    },
    {
      for workload, application in azuread_application.workload : workload => {
        id           = application.id
        client_id    = application.client_id
        principal_id = azuread_service_principal.workload[workload].object_id
      }
    },
  )
}
