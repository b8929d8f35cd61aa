variable "resource_group_id" {
  type = string
}

variable "built_in_roles" {
  description = "What a built-in role's resource id begins with."
  type        = string
}

variable "deployment" {
  description = "Ends the display name of a custom role, which is unique in the tenant."
  type        = string
}

variable "control_plane" {
  type = object({ id = string, principal_id = string })
}

variable "kubelet_id" {
  type = string
}

variable "node_subnet_ids" {
  description = "The subnets of the nodes, by name."
  type        = map(string)
}
