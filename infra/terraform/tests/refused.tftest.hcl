# Every refused combination, each by the variable that refuses it. The sentences are read by tests/check/test_terraform.py.

mock_provider "azurerm" {}

mock_provider "azapi" {}

mock_provider "azuread" {}

variables {
  location              = "westeurope"
  suffix                = "a1b2c"
  deployer_principal_id = "00000000-0000-0000-0000-0000000000d0"
  frontend_signing_key  = "a made-up value, long enough to pass"
  receipt_public_key    = "a made-up value, long enough to pass"
  receipt_signing_key   = "a made-up value, long enough to pass"
}

run "a_profile_of_another_name" {
  command = plan

  variables {
    profile = "staging"
  }

  expect_failures = [var.profile]
}

run "a_name_with_a_hyphen" {
  command = plan

  variables {
    name = "key-less"
  }

  expect_failures = [var.name]
}

run "a_suffix_too_short" {
  command = plan

  variables {
    suffix = "a1b"
  }

  expect_failures = [var.suffix]
}

run "an_identity_of_another_kind" {
  command = plan

  variables {
    identity_kind = "secret"
  }

  expect_failures = [var.identity_kind]
}

run "a_deployer_who_is_no_object_id" {
  command = plan

  variables {
    deployer_principal_id = "me@example.com"
  }

  expect_failures = [var.deployer_principal_id]
}

run "a_deployer_of_another_kind" {
  command = plan

  variables {
    deployer_principal_type = "Robot"
  }

  expect_failures = [var.deployer_principal_type]
}

run "a_hostname_that_is_a_url" {
  command = plan

  variables {
    hostname = "https://orders.example.com"
  }

  expect_failures = [var.hostname]
}

run "an_issuer_named_like_the_clusters_own" {
  command = plan

  variables {
    issuers = [{ name = "aks", url = "https://oidc.example.com/1" }]
  }

  expect_failures = [var.issuers]
}

run "an_issuer_with_a_name_that_names_no_credential" {
  command = plan

  variables {
    issuers = [{ name = "my issuer", url = "https://oidc.example.com/1" }]
  }

  expect_failures = [var.issuers]
}

run "an_issuer_without_tls" {
  command = plan

  variables {
    issuers = [{ name = "kind", url = "http://oidc.example.com/1" }]
  }

  expect_failures = [var.issuers]
}

run "two_issuers_of_one_name" {
  command = plan

  variables {
    issuers = [
      { name = "eks", url = "https://oidc.example.com/1" },
      { name = "eks", url = "https://oidc.example.com/2" },
    ]
  }

  expect_failures = [var.issuers]
}

run "two_issuers_of_one_url" {
  command = plan

  variables {
    issuers = [
      { name = "eks", url = "https://oidc.example.com/1" },
      { name = "kind", url = "https://oidc.example.com/1" },
    ]
  }

  expect_failures = [var.issuers]
}

run "more_issuers_than_an_identity_takes" {
  command = plan

  variables {
    issuers = [for n in range(19) : { name = "issuer-${n}", url = "https://oidc.example.com/${n}" }]
  }

  expect_failures = [var.issuers]
}

run "a_secret_that_is_no_secret" {
  command = plan

  variables {
    frontend_signing_key = "changeme"
  }

  expect_failures = [var.frontend_signing_key]
}

run "a_public_key_that_is_none" {
  command = plan

  variables {
    receipt_public_key = "changeme"
  }

  expect_failures = [var.receipt_public_key]
}

run "a_signing_key_that_is_none" {
  command = plan

  variables {
    receipt_signing_key = "changeme"
  }

  expect_failures = [var.receipt_signing_key]
}
