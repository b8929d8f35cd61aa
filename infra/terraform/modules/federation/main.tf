# Which service account of which issuer becomes which identity: every workload's subject, once per trusted issuer.
# Entra refuses concurrent writes to one identity; both providers make them one at a time (azurerm's issue 19968).
# https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations

locals {
  audience = "api://AzureADTokenExchange"

  credentials = { for kind, identities in { managed = var.managed, applications = var.applications } : kind => merge([
    for workload, identity in identities : {
      for issuer in concat([{ name = "aks", url = var.cluster_issuer_url }], identity.issuers) :
      "${workload}/${issuer.name}" => { id = identity.id, subject = identity.subject, issuer = issuer }
    }
  ]...) }
}

resource "azurerm_federated_identity_credential" "this" {
  for_each = local.credentials.managed

  user_assigned_identity_id = each.value.id
  name                      = each.value.issuer.name
  issuer                    = each.value.issuer.url
  subject                   = each.value.subject
  audience                  = [local.audience]
}

resource "azuread_application_federated_identity_credential" "this" {
  for_each = local.credentials.applications

  application_id = each.value.id
  display_name   = each.value.issuer.name
  issuer         = each.value.issuer.url
  subject        = each.value.subject
  audiences      = [local.audience]
}
