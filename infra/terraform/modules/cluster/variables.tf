variable "name" {
  type = string
}

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

variable "dns_prefix" {
  type = string
}

variable "tenant_id" {
  type = string
}

variable "built_in_roles" {
  description = "What a built-in role's resource id begins with."
  type        = string
}

variable "control_plane_id" {
  type = string
}

variable "kubelet" {
  type = object({ id = string, client_id = string, principal_id = string })
}

variable "system_subnet_id" {
  type = string
}

variable "user_subnet_id" {
  type = string
}

variable "deployer" {
  type = object({ principal_id = string, principal_type = string })
}

variable "certificate_from_vault" {
  description = "Whether the Gateway takes a certificate from Key Vault: that needs the Key Vault add-on."
  type        = bool
}
