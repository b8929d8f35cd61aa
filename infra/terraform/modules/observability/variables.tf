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

variable "workspace_id" {
  description = "The Log Analytics workspace that takes the trail and the pods' logs."
  type        = string
}

variable "namespace" {
  description = "The namespace whose pods' logs are kept."
  type        = string
}

variable "alerts" {
  description = "What ../../../alerts.yaml says: a query that fires if it has a row."
  type        = map(object({ because = string, query = string }))
}
