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

variable "managed" {
  description = "The workloads that get a user-assigned identity."
  type        = set(string)
}

variable "applications" {
  description = "The workloads that get an app registration."
  type        = set(string)
}
