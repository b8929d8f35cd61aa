# The vault, in RBAC mode, and the application's three secrets, each made once and never written again.

resource "azurerm_key_vault" "this" {
  name                       = var.vault_name
  resource_group_name        = var.resource_group_name
  location                   = var.location
  tags                       = var.tags
  tenant_id                  = var.tenant_id
  sku_name                   = "standard"
  rbac_authorization_enabled = true
  soft_delete_retention_days = var.production ? 90 : 7
  # Purge protection can never be turned off again, so a learner could not destroy the vault and start afresh.
  purge_protection_enabled      = var.production
  public_network_access_enabled = !var.production

  network_acls {
    bypass         = "None"
    default_action = "Deny"
    ip_rules       = var.production ? [] : var.allowed_addresses
  }
}

# Why azapi: azurerm's secret uses the vault's data plane, which a private vault closes to the deployer, and keeps the value
# in the state. The control plane takes a secret too, and `sensitive_body` is write-only: the value is in no plan and no state.
# Why an action and no resource: the control plane refuses to delete a secret, so a resource could not be destroyed (azapi's
# issue 879). The secret goes with its vault. Once made, it stays as it is; `make rotate-…` rotates it.
# https://registry.terraform.io/providers/azure/azapi/latest/docs/resources/resource_action

locals {
  secret_type = "Microsoft.KeyVault/vaults/secrets@2026-05-15"
  secrets     = "${azurerm_key_vault.this.id}/secrets"
}

resource "azapi_resource_action" "frontend_signing_key" {
  type           = local.secret_type
  resource_id    = "${local.secrets}/frontend-signing-key"
  method         = "PUT"
  body           = { properties = { contentType = "text/plain" }, tags = var.tags }
  sensitive_body = { properties = { value = var.frontend_signing_key } }

  lifecycle {
    ignore_changes = all
  }
}

resource "azapi_resource_action" "receipt_public_key" {
  type                   = local.secret_type
  resource_id            = "${local.secrets}/receipt-public-key"
  method                 = "PUT"
  body                   = { properties = { contentType = "application/x-pem-file" }, tags = var.tags }
  sensitive_body         = { properties = { value = var.receipt_public_key } }
  response_export_values = ["properties.secretUriWithVersion"]

  lifecycle {
    ignore_changes = all
  }
}

# The tag names the version of the public key that verifies what this key signs, so the public one comes first.
resource "azapi_resource_action" "receipt_signing_key" {
  type        = local.secret_type
  resource_id = "${local.secrets}/receipt-signing-key"
  method      = "PUT"

  body = {
    properties = { contentType = "application/x-pem-file" }
    tags = merge(var.tags, {
      kid = basename(azapi_resource_action.receipt_public_key.output.properties.secretUriWithVersion)
    })
  }
  sensitive_body = { properties = { value = var.receipt_signing_key } }

  lifecycle {
    ignore_changes = all
  }
}
