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

variable "account_name" {
  type = string
}

variable "containers" {
  type = set(string)
}

variable "user_subnet_id" {
  description = "The subnet of the pods: the one that the learn profile lets in."
  type        = string
}

variable "addresses" {
  description = "Further addresses that the learn profile lets in. Azure's own clusters come by the subnet instead."
  type        = list(string)
}
