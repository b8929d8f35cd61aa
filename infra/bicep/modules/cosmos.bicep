// Cosmos DB: account, database, containers, and its data plane's own roles, which are not Azure RBAC:
// https://learn.microsoft.com/azure/cosmos-db/nosql/reference-data-plane-security

import { AccessModel, Profile, Tags } from '../types.bicep'

param name string
param accountName string
param location string
param tags Tags
param profile Profile

@description('The access model.')
param access AccessModel

@description('The addresses that the learn profile lets in: the cluster\'s own, and further ones.')
param allowedAddresses string[]

var production = profile == 'production'

var containers = items(access.entities.cosmos)
var databases = union(map(containers, container => container.value.database), [])
var roles = filter(items(access.roles), role => role.value.kind == 'cosmos')
var grants = flatten(map(
  items(access.workloads),
  workload =>
    map(filter(workload.value.grants, grant => startsWith(grant.scope, 'cosmos/')), grant => {
      workload: workload.key
      role: grant.role
      container: split(grant.scope, '/')[1]
    })
))

resource account 'Microsoft.DocumentDB/databaseAccounts@2026-03-15' = {
  name: accountName
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    capabilities: production ? [] : [{ name: 'EnableServerless' }]
    locations: [{ locationName: location, failoverPriority: 0, isZoneRedundant: production }]
    consistencyPolicy: { defaultConsistencyLevel: 'Session' }
    backupPolicy: { type: 'Continuous', continuousModeProperties: { tier: 'Continuous7Days' } }
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    minimalTlsVersion: 'Tls12'
    publicNetworkAccess: production ? 'Disabled' : 'Enabled'
    networkAclBypass: 'None'
    ipRules: production ? [] : map(allowedAddresses, address => { ipAddressOrRange: address })
  }
}

resource sqlDatabases 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2026-03-15' = [
  for database in databases: {
    parent: account
    name: database
    properties: { resource: { id: database } }
  }
]

resource sqlContainers 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2026-03-15' = [
  for container in containers: {
    parent: sqlDatabases[indexOf(databases, container.value.database)]
    name: container.key
    properties: {
      resource: {
        id: container.key
        partitionKey: { kind: 'Hash', version: 2, paths: [container.value.partitionKey] }
        defaultTtl: container.value.?defaultTtl
      }
      options: production ? { autoscaleSettings: { maxThroughput: 1000 } } : {}
    }
  }
]

// One at a time, and after the containers: each of these writes locks the account, and a second one then fails with 412.
// https://github.com/hashicorp/terraform-provider-azurerm/issues/15842
@batchSize(1)
resource roleDefinitions 'Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions@2026-03-15' = [
  for role in roles: {
    parent: account
    name: guid(resourceGroup().id, role.key)
    properties: {
      roleName: role.key
      type: 'CustomRole'
      assignableScopes: [account.id]
      permissions: [{ dataActions: role.value.?dataActions ?? [] }]
    }
    dependsOn: [sqlContainers]
  }
]

resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = [
  for grant in grants: {
    name: '${name}-${grant.workload}'
  }
]

// The scope's short form: the account's id, then `dbs` and `colls`.
var scopes = [
  for grant in grants: '${account.id}/dbs/${access.entities.cosmos[grant.container].database}/colls/${grant.container}'
]

@batchSize(1)
resource roleAssignments 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2026-03-15' = [
  for (grant, index) in grants: {
    parent: account
    name: guid(scopes[index], identities[index].id, grant.role)
    properties: {
      roleDefinitionId: '${account.id}/sqlRoleDefinitions/${guid(resourceGroup().id, grant.role)}'
      principalId: identities[index].properties.principalId
      scope: scopes[index]
    }
    dependsOn: [roleDefinitions]
  }
]

output endpoint string = account.properties.documentEndpoint
