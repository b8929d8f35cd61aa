variable "resource_group_id" {
  type = string
}

variable "built_in_roles" {
  description = "What a built-in role's resource id begins with."
  type        = string
}

variable "deployment" {
  description = "Ends the display names of custom roles, which are unique in the tenant."
  type        = string
}

variable "access" {
  description = "The access model; with a public host name, also the gateway's grant on its certificate."
  type        = any
}

variable "identities" {
  description = "The workloads' identities: `id` and `principal_id` of each."
  type        = map(object({ id = string, principal_id = string }))
}

variable "entities" {
  description = "What an entity's resource id begins with, by service: `keyVault`, `serviceBus`, `blob`."
  type        = map(string)
}
