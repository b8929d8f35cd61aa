# Who may be trusted is itself limited. Two built-in policies, in Deny, refuse a federated credential for any issuer but
# AKS clusters of this tenant and the issuers listed. Without them, a principal that may add a credential to an identity
# could act as it. They guard user-assigned identities only; the tenant has to guard an app registration's credentials.
# https://github.com/Azure/azure-policy/tree/master/built-in-policies/policyDefinitions/Managed%20Identity

locals {
  # An AKS issuer is https://{region}.oic.prod-aks.azure.com/{tenant}/{cluster}/.
  aks_host      = ".oic.prod-aks.azure.com"
  aks_issuers   = [for issuer in var.issuers : issuer if strcontains(issuer.url, local.aks_host)]
  other_issuers = [for issuer in var.issuers : issuer if !strcontains(issuer.url, local.aks_host)]
}

resource "azurerm_resource_group_policy_assignment" "aks_issuers" {
  name                 = "${var.name}-aks-issuers"
  display_name         = "Identities trust AKS clusters of this tenant and the listed ones only"
  resource_group_id    = var.resource_group_id
  policy_definition_id = "/providers/Microsoft.Authorization/policyDefinitions/ae62c456-33de-4dc8-b100-7ce9028a7d99"
  enforce              = true

  parameters = jsonencode({
    effect                   = { value = "Deny" }
    allowedTenants           = { value = [var.tenant_id] }
    allowedClusterExceptions = { value = [for issuer in local.aks_issuers : split("/", issuer.url)[4]] }
  })

  non_compliance_message {
    content = "An AKS cluster outside this tenant is trusted only if it is listed in issuers."
  }
}

resource "azurerm_resource_group_policy_assignment" "known_issuers" {
  name                 = "${var.name}-known-issuers"
  display_name         = "Identities trust AKS and the listed issuers only"
  resource_group_id    = var.resource_group_id
  policy_definition_id = "/providers/Microsoft.Authorization/policyDefinitions/2571b7c3-3056-4a61-b00a-9bc5232234f5"
  enforce              = true

  parameters = jsonencode({
    effect                    = { value = "Deny" }
    allowFederatedCredentials = { value = true }
    allowAKS                  = { value = true }
    allowGitHub               = { value = false }
    allowAWS                  = { value = false }
    allowGCS                  = { value = false }
    allowedIssuerExceptions   = { value = local.other_issuers[*].url }
  })

  non_compliance_message {
    content = "An issuer outside AKS is trusted only if it is listed in issuers."
  }
}
