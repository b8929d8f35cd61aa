variable "cluster_id" {
  type = string
}

variable "cluster_issuer_url" {
  description = "The cluster's own issuer, as AKS prints it: it ends in a slash."
  type        = string
}

variable "managed" {
  description = "Workloads with a user-assigned identity: its id, the service account that becomes it, further issuers, and how the cluster is trusted."
  type = map(object({
    id         = string
    subject    = string
    issuers    = list(object({ name = string, url = string }))
    federation = string
  }))
}

variable "applications" {
  description = "Workloads with an app registration, described alike."
  type = map(object({
    id         = string
    subject    = string
    issuers    = list(object({ name = string, url = string }))
    federation = string
  }))
}
