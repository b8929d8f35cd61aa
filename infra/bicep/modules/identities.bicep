// One user-assigned identity each for the control plane, the kubelets and every workload of the access model.
// Other modules refer to them by name: `{name}-{workload}`.

import { Tags } from '../types.bicep'

param name string
param location string
param tags Tags

@description('The workloads, by name; `gateway` is among them when there is a public host name.')
param workloads string[]

resource controlPlane 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${name}-control-plane'
  location: location
  tags: tags
}

resource kubelet 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${name}-kubelet'
  location: location
  tags: tags
}

resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = [
  for workload in workloads: {
    name: '${name}-${workload}'
    location: location
    tags: tags
  }
]

@description('The client ids of the workloads, in the order of `workloads`.')
output clientIds string[] = [for (workload, index) in workloads: identities[index].properties.clientId]
