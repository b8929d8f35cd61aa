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

variable "virtual_network_id" {
  type = string
}

variable "subnet_id" {
  type = string
}

variable "services" {
  description = "The resource ids of the services: `key_vault`, `cosmos`, `storage`, `service_bus` and `registry`."
  type = object({
    key_vault   = string
    cosmos      = string
    storage     = string
    service_bus = string
    registry    = string
  })
}
