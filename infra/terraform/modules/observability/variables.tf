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

variable "built_in_roles" {
  description = "What a built-in role's resource id begins with."
  type        = string
}

variable "audited" {
  description = "The resource ids of the services whose logs are kept: `key_vault`, `cosmos`, `storage`, `service_bus`, `registry` and `cluster`."
  type = object({
    key_vault   = string
    cosmos      = string
    storage     = string
    service_bus = string
    registry    = string
    cluster     = string
  })
}

variable "publishers" {
  description = "The workloads whose own code sends telemetry: `id` and `principal_id` of each identity."
  type        = map(object({ id = string, principal_id = string }))
}
