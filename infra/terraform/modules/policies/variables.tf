variable "name" {
  type = string
}

variable "resource_group_id" {
  type = string
}

variable "tenant_id" {
  type = string
}

variable "issuers" {
  type = list(object({ name = string, url = string }))
}
