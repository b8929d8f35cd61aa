// Which service account of which issuer becomes which identity: every workload's subject, once per trusted issuer.
// One credential at a time, since Entra refuses concurrent writes to one identity:
// https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations

import { Issuer } from '../types.bicep'

@description('A workload, its subject, and the issuers that it is trusted from beside the cluster.')
type Workload = {
  name: string
  subject: string
  issuers: Issuer[]
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

@batchSize(1)
resource ofTheCluster 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2024-11-30' = [
  for (workload, index) in workloads: {
    parent: identities[index]
    name: 'aks'
    properties: {
      issuer: clusterIssuerUrl
      subject: workload.subject
      audiences: [audience]
    }
  }
]

var pairs = flatten(map(
  range(0, length(workloads)),
  index => map(workloads[index].issuers, issuer => { index: index, issuer: issuer })
))

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
