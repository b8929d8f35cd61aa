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

variable "egress_address" {
  description = "The one address that the learn profile lets in."
  type        = string
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
