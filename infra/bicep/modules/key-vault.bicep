// The vault, in RBAC mode, and the application's three secrets, each made once and never written again.

import { Profile, Tags } from '../types.bicep'

param vaultName string
param location string
param tags Tags
param profile Profile

@description('The addresses that the learn profile lets in: the cluster\'s own, and further ones.')
param allowedAddresses string[]

@secure()
param frontendSigningKey string

@secure()
param receiptPublicKey string

@secure()
param receiptSigningKey string

var production = profile == 'production'

resource vault 'Microsoft.KeyVault/vaults@2026-05-15' = {
  name: vaultName
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: production ? 90 : 7
    // Purge protection can never be turned off again, so a learner could not destroy the vault and start afresh.
    enablePurgeProtection: production ? true : null
    publicNetworkAccess: production ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: 'Deny'
      ipRules: production ? [] : map(allowedAddresses, address => { value: address })
      virtualNetworkRules: []
    }
  }
}

// The control plane writes the secrets, so a private vault takes them too. If a secret exists, it is kept and the value
// given here is dropped. `make rotate-…` rotates it.
@onlyIfNotExists()
resource frontendKey 'Microsoft.KeyVault/vaults/secrets@2026-05-15' = {
  parent: vault
  name: 'frontend-signing-key'
  tags: tags
  properties: {
    value: frontendSigningKey
    contentType: 'text/plain'
  }
}

@onlyIfNotExists()
resource publicKey 'Microsoft.KeyVault/vaults/secrets@2026-05-15' = {
  parent: vault
  name: 'receipt-public-key'
  tags: tags
  properties: {
    value: receiptPublicKey
    contentType: 'application/x-pem-file'
  }
}

module signingKey 'receipt-signing-key.bicep' = {
  params: {
    vaultName: vault.name
    tags: tags
    kid: last(split(publicKey.properties.secretUriWithVersion, '/'))
    receiptSigningKey: receiptSigningKey
  }
}

output endpoint string = vault.properties.vaultUri
