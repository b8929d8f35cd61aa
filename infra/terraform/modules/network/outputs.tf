output "virtual_network_id" {
  value = azurerm_virtual_network.this.id
}

output "subnet_ids" {
  description = "By name: `system`, `user`, in production `private-endpoints` and `build-agents`. Each has its way out."
  value       = { for name, subnet in azurerm_subnet.this : name => subnet.id }
  depends_on = [
    azurerm_nat_gateway_public_ip_association.egress,
    azurerm_subnet_nat_gateway_association.this,
  ]
}

output "egress_address" {
  description = "The one address from which everything in the cluster reaches the world."
  value       = azurerm_public_ip.egress.ip_address
}
