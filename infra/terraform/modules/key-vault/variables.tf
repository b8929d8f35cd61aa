variable "location" {
  type = string
}

variable "tags" {
  type = map(string)
}

variable "resource_group_name" {
  type = string
}

variable "production" {
  type = bool
}

variable "vault_name" {
  type = string
}

variable "tenant_id" {
  type = string
}

variable "allowed_addresses" {
  description = "The addresses that the learn profile lets in: the cluster's own, and further ones."
  type        = list(string)
}

variable "frontend_signing_key" {
  type      = string
  ephemeral = true
}

variable "receipt_public_key" {
  type      = string
  ephemeral = true
}

variable "receipt_signing_key" {
  type      = string
  ephemeral = true
}
