// Where the audit trail and the pods' logs go, and what is looked at in them: a diagnostic setting on every service, the
// collection of the pods' logs, and the rules of `infra/alerts.yaml`.

import { Alert, Profile, Tags } from '../types.bicep'

param name string
param location string
param tags Tags
param profile Profile
param vaultName string
param cosmosAccountName string
param storageAccountName string
param serviceBusNamespaceName string
param registryName string

@description('The namespace whose pods\' logs are kept.')
param namespace string

param alerts { *: Alert }

var production = profile == 'production'

resource workspace 'Microsoft.OperationalInsights/workspaces@2026-03-01' existing = {
  name: '${name}-logs'
}

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
    metrics: [{ category: 'AllMetrics', enabled: true }]
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

// Container Insights, with the add-on's own identity: https://learn.microsoft.com/azure/azure-monitor/containers/kubernetes-monitoring-enable
resource podLogs 'Microsoft.Insights/dataCollectionRules@2023-03-11' = {
  name: '${name}-pod-logs'
  location: location
  tags: tags
  kind: 'Linux'
  properties: {
    dataSources: {
      extensions: [
        {
          name: 'ContainerInsightsExtension'
          extensionName: 'ContainerInsights'
          streams: podStreams
          extensionSettings: {
            dataCollectionSettings: {
              interval: '1m'
              namespaceFilteringMode: 'Include'
              namespaces: [namespace]
              enableContainerLogV2: true
            }
          }
        }
      ]
    }
    destinations: { logAnalytics: [{ name: 'workspace', workspaceResourceId: workspace.id }] }
    dataFlows: [{ streams: podStreams, destinations: ['workspace'] }]
  }
}

var podStreams = ['Microsoft-ContainerLogV2', 'Microsoft-KubePodInventory']

resource collectPodLogs 'Microsoft.Insights/dataCollectionRuleAssociations@2023-03-11' = {
  scope: cluster
  name: 'ContainerInsightsExtension'
  properties: { dataCollectionRuleId: podLogs.id }
}

resource rules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alert in items(alerts): {
    name: '${name}-${alert.key}'
    location: location
    tags: tags
    properties: {
      description: alert.value.because
      severity: 2
      enabled: true
      scopes: [workspace.id]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      autoMitigate: true
      skipQueryValidation: true // a table exists once it has a row
      criteria: {
        allOf: [{ query: alert.value.query, timeAggregation: 'Count', operator: 'GreaterThan', threshold: 0 }]
      }
    }
  }
]
