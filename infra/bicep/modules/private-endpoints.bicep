// Production only: each service has an address in the network, and its public name resolves to it there.
// Zones' names, those of the public cloud: https://learn.microsoft.com/azure/private-link/private-endpoint-dns

import { Tags } from '../types.bicep'

param name string
param location string
param tags Tags
param vaultName string
param cosmosAccountName string
param storageAccountName string
param serviceBusNamespaceName string
param registryName string

var services = [
  {
    name: 'key-vault'
    resource: resourceId('Microsoft.KeyVault/vaults', vaultName)
    group: 'vault'
    zone: 'privatelink.vaultcore.azure.net'
  }
  {
    name: 'cosmos'
    resource: resourceId('Microsoft.DocumentDB/databaseAccounts', cosmosAccountName)
    group: 'Sql'
    zone: 'privatelink.documents.azure.com'
  }
  {
    name: 'blob'
    resource: resourceId('Microsoft.Storage/storageAccounts', storageAccountName)
    group: 'blob'
    #disable-next-line no-hardcoded-env-urls
    zone: 'privatelink.blob.core.windows.net'
  }
  {
    name: 'service-bus'
    resource: resourceId('Microsoft.ServiceBus/namespaces', serviceBusNamespaceName)
    group: 'namespace'
    zone: 'privatelink.servicebus.windows.net'
  }
  {
    name: 'registry'
    resource: resourceId('Microsoft.ContainerRegistry/registries', registryName)
    group: 'registry'
    zone: 'privatelink.azurecr.io'
  }
]

resource network 'Microsoft.Network/virtualNetworks@2026-03-01' existing = {
  name: '${name}-vnet'

  resource endpoints 'subnets' existing = {
    name: 'private-endpoints'
  }
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for service in services: {
    name: service.zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (service, index) in services: {
    parent: zones[index]
    name: network.name
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: { id: network.id }
    }
  }
]

resource endpoints 'Microsoft.Network/privateEndpoints@2026-03-01' = [
  for service in services: {
    name: '${name}-${service.name}'
    location: location
    tags: tags
    properties: {
      subnet: { id: network::endpoints.id }
      privateLinkServiceConnections: [
        {
          name: service.name
          properties: { privateLinkServiceId: service.resource, groupIds: [service.group] }
        }
      ]
    }
  }
]

resource zoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2026-03-01' = [
  for (service, index) in services: {
    parent: endpoints[index]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [{ name: service.name, properties: { privateDnsZoneId: zones[index].id } }]
    }
  }
]
