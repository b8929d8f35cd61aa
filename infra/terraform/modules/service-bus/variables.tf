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

variable "namespace_name" {
  type = string
}

variable "queues" {
  description = "The access model's queues, with the properties of Microsoft.ServiceBus/namespaces/queues."
  type        = any
}

variable "egress_address" {
  description = "The one address that the learn profile lets in."
  type        = string
}
