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

variable "registry_name" {
  type = string
}

variable "built_in_roles" {
  description = "What a built-in role's resource id begins with."
  type        = string
}

variable "kubelet" {
  description = "The identity that pulls images: its `id` and `principal_id`."
  type        = object({ id = string, principal_id = string })
}

variable "deployers" {
  description = "Who deploys: each principal's kind by its object id."
  type        = map(string)
}

variable "build_subnet_id" {
  description = "The subnet of the build agents (production)."
  type        = string
}
