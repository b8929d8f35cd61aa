output "connection_string" {
  description = "An address, no credential: local authentication is off."
  value       = azurerm_application_insights.this.connection_string
  sensitive   = true # the provider marks it so; main says why it is none
}
