variable "cluster_issuer_url" {
  description = "The cluster's own issuer, as AKS prints it: it ends in a slash."
  type        = string
}

variable "issuers" {
  type = list(object({ name = string, url = string }))
}

variable "managed" {
  description = "Workloads with a user-assigned identity: its id, and the service account that becomes it."
  type        = map(object({ id = string, namespace = string, service_account = string }))
}

variable "applications" {
  description = "Workloads with an app registration: its id, and the service account that becomes it."
  type        = map(object({ id = string, namespace = string, service_account = string }))
}
