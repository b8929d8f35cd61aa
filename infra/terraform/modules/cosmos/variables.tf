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

variable "resource_group_id" {
  type = string
}

variable "account_name" {
  type = string
}

variable "access" {
  description = "The access model."
  type        = any
}

variable "identities" {
  description = "The workloads' identities: `id` and `principal_id` of each."
  type        = map(object({ id = string, principal_id = string }))
}

variable "allowed_addresses" {
  description = "The addresses that the learn profile lets in: the cluster's own, and further ones."
  type        = list(string)
}
