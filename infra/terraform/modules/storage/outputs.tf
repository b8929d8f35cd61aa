output "id" {
  value = azurerm_storage_account.this.id
}

output "blob_endpoint" {
  value = azurerm_storage_account.this.primary_blob_endpoint
}

output "entities" {
  description = "What a container's resource id begins with. A module that uses it is applied after the containers."
  value       = "${azurerm_storage_account.this.id}/blobServices/default/containers"
  depends_on  = [azurerm_storage_container.this]
}
