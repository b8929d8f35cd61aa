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

variable "deployers" {
  description = "Who deploys: each principal's kind by its object id."
  type        = map(string)
}

variable "certificate_from_vault" {
  description = "Whether the Gateway takes a certificate from Key Vault: that needs the Key Vault add-on."
  type        = bool
}

variable "node_size" {
  description = "The size of the nodes; the profile's own without one."
  type        = string
}

variable "node_count" {
  description = "How many nodes for pods there are at least; as many as the profile says with 0."
  type        = number
}

variable "workspace_id" {
  description = "The Log Analytics workspace that takes the pods' logs."
  type        = string
}
