// The storage account and its containers. No key opens it, only a token.

import { AccessModel, Profile, Tags } from '../types.bicep'

param name string
param accountName string
param location string
param tags Tags
param profile Profile

@description('The access model.')
param access AccessModel

@description('Further addresses that the learn profile lets in. Azure\'s own clusters come by the subnet instead.')
param addresses string[]

var production = profile == 'production'

// The subnet of the pods: the one that the learn profile lets in.
resource network 'Microsoft.Network/virtualNetworks@2026-03-01' existing = {
  name: '${name}-vnet'

  resource user 'subnets' existing = {
    name: 'user'
  }
}

resource account 'Microsoft.Storage/storageAccounts@2026-06-01' = {
  name: accountName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: production ? 'Standard_ZRS' : 'Standard_LRS' }
  properties: {
    accessTier: 'Hot'
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    isLocalUserEnabled: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: production ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: 'Deny'
      ipRules: map(addresses, address => { value: address, action: 'Allow' })
      virtualNetworkRules: production ? [] : [{ id: network::user.id, action: 'Allow' }]
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2026-06-01' = {
  parent: account
  name: 'default'
  properties: {
    isVersioningEnabled: true
    deleteRetentionPolicy: { enabled: true, days: 7 }
    containerDeleteRetentionPolicy: { enabled: true, days: 7 }
  }
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-06-01' = [
  for container in objectKeys(access.entities.blob): {
    parent: blobs
    name: container
    properties: { publicAccess: 'None' }
  }
]

output blobEndpoint string = account.properties.primaryEndpoints.blob
