// Which service account of which issuer becomes which identity: every workload's subject, once per trusted issuer.
// One credential at a time, since Entra refuses concurrent writes to one identity:
// https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations
// An identity binding takes the place of the cluster's own credential. AKS makes a credential for it too.
// https://learn.microsoft.com/azure/aks/identity-bindings-concepts

import { Federation, Issuer } from '../types.bicep'

@description('A workload, its subject, the issuers that it is trusted from beside the cluster, and how the cluster is trusted.')
type Workload = {
  name: string
  subject: string
  issuers: Issuer[]
  federation: Federation
}

param name string

@description('The cluster\'s own issuer, as AKS prints it: it ends in a slash.')
param clusterIssuerUrl string

param workloads Workload[]

var audience = 'api://AzureADTokenExchange'

resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = [
  for workload in workloads: {
    name: '${name}-${workload.name}'
  }
]

var indexes = range(0, length(workloads))
var byCredential = filter(indexes, index => workloads[index].federation != 'bindings')
var byBinding = filter(indexes, index => workloads[index].federation != 'credentials')

@batchSize(1)
resource ofTheCluster 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2024-11-30' = [
  for index in byCredential: {
    parent: identities[index]
    name: 'aks'
    properties: {
      issuer: clusterIssuerUrl
      subject: workloads[index].subject
      audiences: [audience]
    }
  }
]

var pairs = flatten(map(indexes, index => map(workloads[index].issuers, issuer => { index: index, issuer: issuer })))

@batchSize(1)
resource ofIssuers 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2024-11-30' = [
  for pair in pairs: {
    parent: identities[pair.index]
    name: guid(pair.issuer.url) // and not the issuer's name, so that an issuer can be renamed
    properties: {
      issuer: pair.issuer.url
      subject: workloads[pair.index].subject
      audiences: [audience]
    }
    dependsOn: [ofTheCluster]
  }
]

resource cluster 'Microsoft.ContainerService/managedClusters@2026-08-01' existing = {
  name: '${name}-aks'
}

@batchSize(1)
resource bindings 'Microsoft.ContainerService/managedClusters/identityBindings@2026-08-01' = [
  for index in byBinding: {
    parent: cluster
    name: workloads[index].name
    properties: {
      managedIdentity: { resourceId: identities[index].id }
    }
    dependsOn: [ofIssuers]
  }
]
