output "id" {
  value = azurerm_key_vault.this.id
}

output "endpoint" {
  value = azurerm_key_vault.this.vault_uri
}

output "entities" {
  description = "What a secret's resource id begins with. A module that uses it is applied after the secrets."
  value       = local.secrets
  depends_on = [
    azapi_resource_action.frontend_signing_key,
    azapi_resource_action.receipt_public_key,
    azapi_resource_action.receipt_signing_key,
  ]
}
