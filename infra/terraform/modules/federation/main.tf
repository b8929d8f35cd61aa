# Which service account of which issuer becomes which identity: every workload's subject, once per trusted issuer.
# Entra refuses concurrent writes to one identity; both providers make them one at a time (azurerm's issue 19968).
# https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations

locals {
  audience = "api://AzureADTokenExchange"

  # A credential is named after its issuer's URL and not the issuer's name, so that an issuer can be renamed.
  further = { for workload, identity in merge(var.managed, var.applications) : workload => [
    # uuidv5's name space is the one of Bicep's guid(), so that both languages agree
    for issuer in identity.issuers : { credential = uuidv5("11fb06fb-712d-4ddd-98c7-e71bbd588830", issuer.url), url = issuer.url }
  ] }

  credentials = { for kind, identities in { managed = var.managed, applications = var.applications } : kind => merge([
    for workload, identity in identities : {
      for issuer in concat([{ credential = "aks", url = var.cluster_issuer_url }], local.further[workload]) :
      "${workload}/${issuer.credential}" => { id = identity.id, subject = identity.subject, issuer = issuer }
    }
  ]...) }
}

resource "azurerm_federated_identity_credential" "this" {
  for_each = local.credentials.managed

  user_assigned_identity_id = each.value.id
  name                      = each.value.issuer.credential
  issuer                    = each.value.issuer.url
  subject                   = each.value.subject
  audience                  = [local.audience]
}

resource "azuread_application_federated_identity_credential" "this" {
  for_each = local.credentials.applications

  application_id = each.value.id
  display_name   = each.value.issuer.credential
  issuer         = each.value.issuer.url
  subject        = each.value.subject
  audiences      = [local.audience]
}
