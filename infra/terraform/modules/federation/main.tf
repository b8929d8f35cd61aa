# Which service account of which issuer becomes which identity: every workload's subject, once per trusted issuer.
# Entra refuses concurrent writes to one identity; both providers make them one at a time (azurerm's issue 19968).
# https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations
# An identity binding takes the place of the cluster's own credential. AKS makes a credential for it too.
# https://learn.microsoft.com/azure/aks/identity-bindings-concepts

locals {
  audience = "api://AzureADTokenExchange"
  aks      = { credential = "aks", url = var.cluster_issuer_url }

  # A credential is named after its issuer's URL and not the issuer's name, so that an issuer can be renamed.
  further = { for workload, identity in merge(var.managed, var.applications) : workload => [
    # uuidv5's name space is the one of Bicep's guid(), so that both languages agree
    for issuer in identity.issuers : { credential = uuidv5("11fb06fb-712d-4ddd-98c7-e71bbd588830", issuer.url), url = issuer.url }
  ] }

  credentials = { for kind, identities in { managed = var.managed, applications = var.applications } : kind => merge([
    for workload, identity in identities : {
      for issuer in concat(identity.federation == "bindings" ? [] : [local.aks], local.further[workload]) :
      "${workload}/${issuer.credential}" => { id = identity.id, subject = identity.subject, issuer = issuer }
    }
  ]...) }

  bound = { for workload, identity in var.managed : workload => identity if identity.federation != "credentials" }
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

# azurerm has no such resource (issue 31507).
resource "azapi_resource" "binding" {
  for_each = local.bound

  type      = "Microsoft.ContainerService/managedClusters/identityBindings@2026-04-01"
  parent_id = var.cluster_id
  name      = each.key
  body      = { properties = { managedIdentity = { resourceId = each.value.id } } }
  locks     = [var.cluster_id] # one at a time

  depends_on = [azurerm_federated_identity_credential.this]
}
