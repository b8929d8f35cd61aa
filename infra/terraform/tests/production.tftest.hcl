# Every allowed combination of the switches in the production profile plans, and decides what ../../README.md says. The providers
# are mocked: `terraform init && terraform test` needs no subscription.

mock_provider "azurerm" {}

mock_provider "azapi" {}

mock_provider "azuread" {}

variables {
  profile               = "production"
  location              = "westeurope"
  suffix                = "a1b2c"
  deployer_principal_id = "00000000-0000-0000-0000-0000000000d0"
  frontend_signing_key  = "a made-up value, long enough to pass"
  receipt_public_key    = "a made-up value, long enough to pass"
  receipt_signing_key   = "a made-up value, long enough to pass"
}

run "managed" {
  command = plan

  variables {
    identity_kind = "managed"
  }

  assert {
    condition     = length(module.private_endpoints) == 1
    error_message = "Production is private."
  }

  assert {
    condition     = length(module.identities.workloads) == 5
    error_message = "Every workload has one identity, the Gateway too if there is a hostname."
  }

  assert {
    condition     = length(module.federation.managed) == 5 && length(module.federation.applications) == 0
    error_message = "Every workload trusts every issuer; the Gateway the cluster alone."
  }
}

run "managed_issuers" {
  command = plan

  variables {
    identity_kind = "managed"
    issuers       = [{ name = "eks", url = "https://oidc.example.com/eks" }]
  }

  assert {
    condition     = length(module.private_endpoints) == 1
    error_message = "Production is private."
  }

  assert {
    condition     = length(module.identities.workloads) == 5
    error_message = "Every workload has one identity, the Gateway too if there is a hostname."
  }

  assert {
    condition     = length(module.federation.managed) == 10 && length(module.federation.applications) == 0
    error_message = "Every workload trusts every issuer; the Gateway the cluster alone."
  }
}

run "managed_hostname" {
  command = plan

  variables {
    identity_kind = "managed"
    hostname      = "orders.example.com"
  }

  assert {
    condition     = length(module.private_endpoints) == 1
    error_message = "Production is private."
  }

  assert {
    condition     = length(module.identities.workloads) == 6
    error_message = "Every workload has one identity, the Gateway too if there is a hostname."
  }

  assert {
    condition     = length(module.federation.managed) == 6 && length(module.federation.applications) == 0
    error_message = "Every workload trusts every issuer; the Gateway the cluster alone."
  }
}

run "managed_hostname_issuers" {
  command = plan

  variables {
    identity_kind = "managed"
    hostname      = "orders.example.com"
    issuers       = [{ name = "eks", url = "https://oidc.example.com/eks" }]
  }

  assert {
    condition     = length(module.private_endpoints) == 1
    error_message = "Production is private."
  }

  assert {
    condition     = length(module.identities.workloads) == 6
    error_message = "Every workload has one identity, the Gateway too if there is a hostname."
  }

  assert {
    condition     = length(module.federation.managed) == 11 && length(module.federation.applications) == 0
    error_message = "Every workload trusts every issuer; the Gateway the cluster alone."
  }
}

run "application" {
  command = plan

  variables {
    identity_kind = "application"
  }

  assert {
    condition     = length(module.private_endpoints) == 1
    error_message = "Production is private."
  }

  assert {
    condition     = length(module.identities.workloads) == 5
    error_message = "Every workload has one identity, the Gateway too if there is a hostname."
  }

  assert {
    condition     = length(module.federation.managed) == 0 && length(module.federation.applications) == 5
    error_message = "Every workload trusts every issuer; the Gateway the cluster alone."
  }
}

run "application_issuers" {
  command = plan

  variables {
    identity_kind = "application"
    issuers       = [{ name = "eks", url = "https://oidc.example.com/eks" }]
  }

  assert {
    condition     = length(module.private_endpoints) == 1
    error_message = "Production is private."
  }

  assert {
    condition     = length(module.identities.workloads) == 5
    error_message = "Every workload has one identity, the Gateway too if there is a hostname."
  }

  assert {
    condition     = length(module.federation.managed) == 0 && length(module.federation.applications) == 10
    error_message = "Every workload trusts every issuer; the Gateway the cluster alone."
  }
}

run "application_hostname" {
  command = plan

  variables {
    identity_kind = "application"
    hostname      = "orders.example.com"
  }

  assert {
    condition     = length(module.private_endpoints) == 1
    error_message = "Production is private."
  }

  assert {
    condition     = length(module.identities.workloads) == 6
    error_message = "Every workload has one identity, the Gateway too if there is a hostname."
  }

  assert {
    condition     = length(module.federation.managed) == 1 && length(module.federation.applications) == 5
    error_message = "Every workload trusts every issuer; the Gateway the cluster alone."
  }
}

run "application_hostname_issuers" {
  command = plan

  variables {
    identity_kind = "application"
    hostname      = "orders.example.com"
    issuers       = [{ name = "eks", url = "https://oidc.example.com/eks" }]
  }

  assert {
    condition     = length(module.private_endpoints) == 1
    error_message = "Production is private."
  }

  assert {
    condition     = length(module.identities.workloads) == 6
    error_message = "Every workload has one identity, the Gateway too if there is a hostname."
  }

  assert {
    condition     = length(module.federation.managed) == 1 && length(module.federation.applications) == 10
    error_message = "Every workload trusts every issuer; the Gateway the cluster alone."
  }
}
