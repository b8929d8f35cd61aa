variable "profile" {
  description = "learn: cheap, public, its firewalls open to the cluster alone. production: private and zone-redundant."
  type        = string
  default     = "learn"

  validation {
    condition     = contains(["learn", "production"], var.profile)
    error_message = "The profile is `learn` or `production`."
  }
}

variable "location" {
  description = "The Azure region, such as `westeurope`."
  type        = string
}

variable "name" {
  description = "What every name begins with."
  type        = string
  default     = "keyless"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{2,11}$", var.name))
    error_message = "The name has 3 to 12 lower-case letters and digits, and begins with a letter."
  }
}

variable "suffix" {
  description = "Makes names unique in the world. `make deploy` draws it once and keeps it."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]{4,6}$", var.suffix))
    error_message = "The suffix has 4 to 6 lower-case letters and digits."
  }
}

variable "issuers" {
  description = "Further OIDC issuers (EKS, kind, any) whose service accounts get the same identities."
  type        = list(object({ name = string, url = string }))
  default     = []

  validation {
    condition     = length(var.issuers) <= 18
    error_message = "At most 18 further issuers: an identity takes 20 federated credentials, the cluster's own and one spare among them."
  }

  validation {
    condition     = alltrue([for issuer in var.issuers : can(regex("^[a-zA-Z0-9][a-zA-Z0-9_-]{2,119}$", issuer.name))])
    error_message = "An issuer's name has 3 to 120 letters, digits, hyphens and underscores: it names a federated credential."
  }

  validation {
    condition     = alltrue([for issuer in var.issuers : issuer.name != "aks"])
    error_message = "No further issuer may be named `aks`: that is the cluster's own."
  }

  validation {
    condition     = length(distinct(var.issuers[*].name)) == length(var.issuers)
    error_message = "Two issuers have one name."
  }

  validation {
    condition     = length(distinct(var.issuers[*].url)) == length(var.issuers)
    error_message = "Two issuers have one URL."
  }

  validation {
    condition     = alltrue([for issuer in var.issuers : startswith(issuer.url, "https://")])
    error_message = "An issuer's URL begins with `https://`: Entra fetches its keys from there."
  }
}

variable "identity_kind" {
  description = "managed: user-assigned identities. application: app registrations, for a tenant that manages its identities in Entra."
  type        = string
  default     = "managed"

  validation {
    condition     = contains(["managed", "application"], var.identity_kind)
    error_message = "The identity kind is `managed` or `application`."
  }
}

variable "federation" {
  description = "How identities trust this cluster: `credentials`, `bindings`, or, while pods move, `both`."
  type        = string
  default     = "credentials"

  validation {
    condition     = contains(["credentials", "bindings", "both"], var.federation)
    error_message = "The federation is `credentials`, `bindings` or `both`."
  }

  validation {
    condition     = var.federation == "credentials" || var.identity_kind == "managed"
    error_message = "An identity binding needs a managed identity: AKS binds no app registration."
  }
}

variable "deployers" {
  description = "Who runs `make deploy`, and who ran it before: each keeps its roles."
  type        = list(object({ principal_id = string, principal_type = string }))

  validation {
    condition     = length(var.deployers) > 0
    error_message = "At least one principal deploys: `az ad signed-in-user show --query id`."
  }

  validation {
    condition     = alltrue([for each in var.deployers : can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", each.principal_id))])
    error_message = "A deployer's principal id is an object id, a GUID: `az ad signed-in-user show --query id`."
  }

  validation {
    condition     = alltrue([for each in var.deployers : contains(["User", "ServicePrincipal", "Group"], each.principal_type)])
    error_message = "A deployer is a `User`, a `ServicePrincipal` or a `Group`."
  }
}

variable "addresses" {
  description = "Further public addresses that the firewalls of the profile learn let in: those of clusters elsewhere."
  type        = list(string)
  default     = []

  validation {
    condition     = var.profile == "learn" || length(var.addresses) == 0
    error_message = "Production has no firewall to open: its services are private."
  }
}

variable "node_size" {
  description = "The size of the nodes; the profile's own without one."
  type        = string
  default     = ""
}

variable "node_count" {
  description = "How many nodes for pods there are at least; as many as the profile says with 0."
  type        = number
  default     = 0

  validation {
    condition     = var.node_count >= 0 && var.node_count <= 100
    error_message = "The number of nodes is 0 to 100."
  }
}

variable "record" {
  description = "Further tags of the resource group. `make deploy` records the deployment in them."
  type        = map(string)
  default     = {}
}

variable "hostname" {
  description = "The public host name. Without one nothing is exposed."
  type        = string
  default     = ""

  validation {
    condition     = var.hostname == "" || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.hostname))
    error_message = "The hostname is a name such as `orders.example.com`, not a URL."
  }
}

# The three secrets are ephemeral: Terraform hands them on and writes them nowhere, neither into a plan nor a state.

variable "frontend_signing_key" {
  description = "Signs sessions and references. Written only when the secret is made."
  type        = string
  ephemeral   = true
  sensitive   = true
  nullable    = false

  validation {
    condition     = length(var.frontend_signing_key) >= 32
    error_message = "A secret has 32 characters at least: `make deploy` makes one."
  }
}

variable "receipt_public_key" {
  description = "Verifies receipts (PEM). Written only when the secret is made."
  type        = string
  ephemeral   = true
  sensitive   = true
  nullable    = false

  validation {
    condition     = length(var.receipt_public_key) >= 32
    error_message = "A secret has 32 characters at least: `make deploy` makes one."
  }
}

variable "receipt_signing_key" {
  description = "Signs receipts (PEM). Written only when the secret is made."
  type        = string
  ephemeral   = true
  sensitive   = true
  nullable    = false

  validation {
    condition     = length(var.receipt_signing_key) >= 32
    error_message = "A secret has 32 characters at least: `make deploy` makes one."
  }
}
