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

variable "allowed_addresses" {
  description = "The addresses that the learn profile lets in: the cluster's own, and further ones."
  type        = list(string)
}
