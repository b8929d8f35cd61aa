// The private half of the pair that signs receipts. A module of its own, since a resource's tags must be known when its
// deployment starts, and this tag is known only when the public half exists.

import { Tags } from '../types.bicep'

param vaultName string
param tags Tags

@description('The version of the public key, which a receipt\'s `kid` names.')
param kid string

@secure()
param receiptSigningKey string

resource vault 'Microsoft.KeyVault/vaults@2026-05-15' existing = {
  name: vaultName
}

@onlyIfNotExists()
resource signingKey 'Microsoft.KeyVault/vaults/secrets@2026-05-15' = {
  parent: vault
  name: 'receipt-signing-key'
  tags: union(tags, { kid: kid })
  properties: {
    value: receiptSigningKey
    contentType: 'application/x-pem-file'
  }
}
