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
