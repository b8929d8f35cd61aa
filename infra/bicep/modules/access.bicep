// The grants of the access model on Key Vault, Service Bus and Blob Storage, each at its entity's own scope: a secret, a queue,
// a container. Cosmos DB's data plane has roles of its own: cosmos.bicep.

import { AccessModel } from '../types.bicep'

param name string

@description('Ends the display names of custom roles, which are unique in the tenant.')
param deployment string

@description('The access model; with a public host name, also the gateway\'s grant on its certificate.')
param access AccessModel

param vaultName string
param serviceBusNamespaceName string
param storageAccountName string

var grants = flatten(map(
  items(access.workloads),
  workload =>
    map(workload.value.grants, grant => {
      workload: workload.key
      role: grant.role
      service: split(grant.scope, '/')[0]
      entity: split(grant.scope, '/')[1]
    })
))
var secretGrants = filter(grants, grant => grant.service == 'keyVault')
var queueGrants = filter(grants, grant => grant.service == 'serviceBus')
var blobGrants = filter(grants, grant => grant.service == 'blob')

var customRoles = filter(items(access.roles), role => role.value.kind == 'custom')

// The id of every role's definition: a built-in one's is Azure's, a custom one's is made from its name.
var roleIds = toObject(
  items(access.roles),
  role => role.key,
  role => role.value.?id ?? guid(resourceGroup().id, role.key)
)

resource roleDefinitions 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [
  for role in customRoles: {
    name: roleIds[role.key]
    properties: {
      roleName: '${role.key} (${deployment})'
      description: 'No built-in role is as small.'
      type: 'CustomRole'
      assignableScopes: [resourceGroup().id]
      permissions: [
        {
          actions: role.value.?actions ?? []
          notActions: role.value.?notActions ?? []
          dataActions: role.value.?dataActions ?? []
          notDataActions: role.value.?notDataActions ?? []
        }
      ]
    }
  }
]

resource vault 'Microsoft.KeyVault/vaults@2026-05-15' existing = {
  name: vaultName
}

resource secrets 'Microsoft.KeyVault/vaults/secrets@2026-05-15' existing = [
  for grant in secretGrants: {
    parent: vault
    name: grant.entity
  }
]

resource secretReaders 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = [
  for grant in secretGrants: {
    name: '${name}-${grant.workload}'
  }
]

resource onSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (grant, index) in secretGrants: {
    scope: secrets[index]
    name: guid(secrets[index].id, secretReaders[index].id, grant.role)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[grant.role])
      principalId: secretReaders[index].properties.principalId
      principalType: 'ServicePrincipal'
    }
    dependsOn: [roleDefinitions]
  }
]

resource namespace 'Microsoft.ServiceBus/namespaces@2026-01-01' existing = {
  name: serviceBusNamespaceName
}

resource queues 'Microsoft.ServiceBus/namespaces/queues@2026-01-01' existing = [
  for grant in queueGrants: {
    parent: namespace
    name: grant.entity
  }
]

resource queueUsers 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = [
  for grant in queueGrants: {
    name: '${name}-${grant.workload}'
  }
]

resource onQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (grant, index) in queueGrants: {
    scope: queues[index]
    name: guid(queues[index].id, queueUsers[index].id, grant.role)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[grant.role])
      principalId: queueUsers[index].properties.principalId
      principalType: 'ServicePrincipal'
    }
    dependsOn: [roleDefinitions]
  }
]

resource storage 'Microsoft.Storage/storageAccounts@2026-06-01' existing = {
  name: storageAccountName

  resource blobs 'blobServices' existing = {
    name: 'default'
  }
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-06-01' existing = [
  for grant in blobGrants: {
    parent: storage::blobs
    name: grant.entity
  }
]

resource containerUsers 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = [
  for grant in blobGrants: {
    name: '${name}-${grant.workload}'
  }
]

resource onContainers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (grant, index) in blobGrants: {
    scope: containers[index]
    name: guid(containers[index].id, containerUsers[index].id, grant.role)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[grant.role])
      principalId: containerUsers[index].properties.principalId
      principalType: 'ServicePrincipal'
    }
    dependsOn: [roleDefinitions]
  }
]
