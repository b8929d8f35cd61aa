output "id" {
  value = azurerm_servicebus_namespace.this.id
}

output "fully_qualified_namespace" {
  value = trimsuffix(trimprefix(azurerm_servicebus_namespace.this.endpoint, "https://"), ":443/")
}

output "entities" {
  description = "What a queue's resource id begins with. A module that uses it is applied after the queues."
  value       = "${azurerm_servicebus_namespace.this.id}/queues"
  depends_on  = [azurerm_servicebus_queue.this]
}
