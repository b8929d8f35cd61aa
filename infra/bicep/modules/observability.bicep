// Where the audit trail goes: Log Analytics, a diagnostic setting on every service, Application Insights. None of them takes
// a key: telemetry is sent with a token, by those who hold Monitoring Metrics Publisher.

import { Profile, Tags } from '../types.bicep'

param name string
param location string
param tags Tags
param profile Profile
param vaultName string
param cosmosAccountName string
param storageAccountName string
param serviceBusNamespaceName string
param registryName string

@description('The workloads whose own code sends telemetry.')
param publishers string[]

var production = profile == 'production'

// https://learn.microsoft.com/azure/azure-monitor/app/azure-ad-authentication
var publisher = { name: 'Monitoring Metrics Publisher', id: '3913510d-42f4-4e42-8a64-420c390055eb' }

resource workspace 'Microsoft.OperationalInsights/workspaces@2026-03-01' = {
  name: '${name}-logs'
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: production ? 90 : 30
    features: { disableLocalAuth: true }
  }
}

// Ingestion stays on public addresses in production too, behind tokens; to make it private takes an Azure Monitor Private
// Link Scope, which changes name resolution for every workspace that the network reaches.
resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: '${name}-insights'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = [
  for workload in publishers: {
    name: '${name}-${workload}'
  }
]

resource publish 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (workload, index) in publishers: {
    scope: insights
    name: guid(insights.id, identities[index].id, publisher.name)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', publisher.id)
      principalId: identities[index].properties.principalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource vault 'Microsoft.KeyVault/vaults@2026-05-15' existing = {
  name: vaultName
}

resource vaultAudit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'audit'
  properties: {
    workspaceId: workspace.id
    logAnalyticsDestinationType: 'Dedicated'
    logs: [{ category: 'AuditEvent', enabled: true }]
  }
}

resource cosmos 'Microsoft.DocumentDB/databaseAccounts@2026-03-15' existing = {
  name: cosmosAccountName
}

resource cosmosAudit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: cosmos
  name: 'audit'
  properties: {
    workspaceId: workspace.id
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      { category: 'DataPlaneRequests', enabled: true }
      { category: 'ControlPlaneRequests', enabled: true }
    ]
  }
}

resource storage 'Microsoft.Storage/storageAccounts@2026-06-01' existing = {
  name: storageAccountName

  resource blobs 'blobServices' existing = {
    name: 'default'
  }
}

resource blobAudit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: storage::blobs
  name: 'audit'
  properties: {
    workspaceId: workspace.id
    logs: [
      { category: 'StorageRead', enabled: true }
      { category: 'StorageWrite', enabled: true }
      { category: 'StorageDelete', enabled: true }
    ]
  }
}

resource serviceBus 'Microsoft.ServiceBus/namespaces@2026-01-01' existing = {
  name: serviceBusNamespaceName
}

// Which identity sent or received is a log of Premium namespaces only.
// https://learn.microsoft.com/azure/service-bus-messaging/monitor-service-bus-reference
resource serviceBusAudit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: serviceBus
  name: 'audit'
  properties: {
    workspaceId: workspace.id
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      for category in production ? ['OperationalLogs', 'RuntimeAuditLogs'] : ['OperationalLogs']: {
        category: category
        enabled: true
      }
    ]
  }
}

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' existing = {
  name: registryName
}

resource registryAudit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: registry
  name: 'audit'
  properties: {
    workspaceId: workspace.id
    logs: [
      { category: 'ContainerRegistryLoginEvents', enabled: true }
      { category: 'ContainerRegistryRepositoryEvents', enabled: true }
    ]
  }
}

resource cluster 'Microsoft.ContainerService/managedClusters@2026-08-01' existing = {
  name: '${name}-aks'
}

// The controllers' logs show which identity made a load balancer or a disk.
resource clusterAudit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: cluster
  name: 'audit'
  properties: {
    workspaceId: workspace.id
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      { category: 'kube-audit-admin', enabled: true }
      { category: 'guard', enabled: true }
      { category: 'cloud-controller-manager', enabled: true }
      { category: 'csi-azuredisk-controller', enabled: true }
    ]
  }
}

output connectionString string = insights.properties.ConnectionString
