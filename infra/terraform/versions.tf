terraform {
  required_version = ">= 1.11" # ephemeral values and write-only arguments

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "5.10.0"
    }
    azapi = {
      source  = "azure/azapi"
      version = "2.13.0"
    }
    azuread = {
      source  = "hashicorp/azuread"
      version = "3.10.0"
    }
  }
}

# Who signs in, and to which subscription, comes from the environment: `az login` and ARM_SUBSCRIPTION_ID.
provider "azurerm" {
  # The storage account takes no keys, so the provider must show a token too.
  storage_use_azuread = true

  # azurerm 5 registers nothing by itself. These are what the modules need.
  resource_provider_registrations = "none"
  resource_providers_to_register = [
    "Microsoft.Authorization",
    "Microsoft.ContainerRegistry",
    "Microsoft.ContainerService",
    "Microsoft.DocumentDB",
    "Microsoft.Insights",
    "Microsoft.KeyVault",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
    "Microsoft.OperationalInsights",
    "Microsoft.PolicyInsights",
    "Microsoft.ServiceBus",
    "Microsoft.Storage",
  ]

  features {
    # The accounts' firewalls let the cluster in, not the deployer, so the provider must not wait for their data plane.
    storage {
      data_plane_available = false
    }
  }
}

provider "azapi" {}

provider "azuread" {}
