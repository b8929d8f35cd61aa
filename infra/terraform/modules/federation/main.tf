# Which service account of which issuer becomes which identity: every workload's subject, once per trusted issuer.
# Entra refuses concurrent writes to one identity; both providers take them one at a time themselves.
# https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations

locals {
  trusted  = concat([{ name = "aks", url = var.cluster_issuer_url }], var.issuers)
  audience = "api://AzureADTokenExchange"

  managed = merge([
    for workload, identity in var.managed : {
      for issuer in local.trusted : "${workload}/${issuer.name}" => {
        id      = identity.id
        issuer  = issuer
        subject = "system:serviceaccount:${identity.namespace}:${identity.service_account}"
      }
    }
  ]...)

  applications = merge([
    for workload, identity in var.applications : {
      for issuer in local.trusted : "${workload}/${issuer.name}" => {
        id      = identity.id
        issuer  = issuer
        subject = "system:serviceaccount:${identity.namespace}:${identity.service_account}"
      }
    }
  ]...)
}

resource "azurerm_federated_identity_credential" "this" {
  for_each = local.managed

  user_assigned_identity_id = each.value.id
  name                      = each.value.issuer.name
  issuer                    = each.value.issuer.url
  subject                   = each.value.subject
  audience                  = [local.audience]
}

resource "azuread_application_federated_identity_credential" "this" {
  for_each = local.applications

  application_id = each.value.id
  display_name   = each.value.issuer.name
  issuer         = each.value.issuer.url
  subject        = each.value.subject
  audiences      = [local.audience]
}
