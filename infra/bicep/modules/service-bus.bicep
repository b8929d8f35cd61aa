// The Service Bus namespace and the queues of the access model. A message that cannot be delivered is dead-lettered by the
// queue; a true repeat within the window is dropped by it.

import { AccessModel, Profile, Tags } from '../types.bicep'

param namespaceName string
param location string
param tags Tags
param profile Profile

@description('The access model.')
param access AccessModel

@description('The addresses that the learn profile lets in: the cluster\'s own, and further ones.')
param allowedAddresses string[]

var production = profile == 'production'

resource namespace 'Microsoft.ServiceBus/namespaces@2026-01-01' = {
  name: namespaceName
  location: location
  tags: tags
  sku: production ? { name: 'Premium', tier: 'Premium', capacity: 1 } : { name: 'Standard', tier: 'Standard' }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: production ? 'Disabled' : 'Enabled'
    zoneRedundant: production
  }
}

resource firewall 'Microsoft.ServiceBus/namespaces/networkRuleSets@2026-01-01' = {
  parent: namespace
  name: 'default'
  properties: {
    defaultAction: 'Deny'
    publicNetworkAccess: production ? 'Disabled' : 'Enabled'
    trustedServiceAccessEnabled: false
    ipRules: production ? [] : map(allowedAddresses, address => { ipMask: address, action: 'Allow' })
  }
}

resource queues 'Microsoft.ServiceBus/namespaces/queues@2026-01-01' = [
  for queue in items(access.entities.serviceBus): {
    parent: namespace
    name: queue.key
    properties: {
      lockDuration: queue.value.?lockDuration
      maxDeliveryCount: queue.value.?maxDeliveryCount
      defaultMessageTimeToLive: queue.value.?defaultMessageTimeToLive
      deadLetteringOnMessageExpiration: true
      requiresDuplicateDetection: contains(queue.value, 'duplicateDetectionHistoryTimeWindow')
      duplicateDetectionHistoryTimeWindow: queue.value.?duplicateDetectionHistoryTimeWindow
    }
  }
]

output fullyQualifiedNamespace string = parseUri(namespace.properties.serviceBusEndpoint).host
