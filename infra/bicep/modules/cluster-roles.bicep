// What the control plane's identity may do before there is a cluster: put nodes into the two subnets, and run them with the
// kubelet's identity. https://learn.microsoft.com/azure/aks/use-managed-identity

param name string

@description('Ends the display name of a custom role, which is unique in the tenant.')
param deployment string

resource network 'Microsoft.Network/virtualNetworks@2026-03-01' existing = {
  name: '${name}-vnet'

  resource system 'subnets' existing = {
    name: 'system'
  }

  resource user 'subnets' existing = {
    name: 'user'
  }
}

resource controlPlane 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: '${name}-control-plane'
}

resource kubelet 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: '${name}-kubelet'
}

// Network Contributor, the usual grant, could change the subnets too.
resource subnetJoiner 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'Keyless Subnet Joiner')
  properties: {
    roleName: 'Keyless Subnet Joiner (${deployment})'
    description: 'Reads a subnet and puts nodes into it.'
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [
      {
        actions: [
          'Microsoft.Network/virtualNetworks/subnets/join/action'
          'Microsoft.Network/virtualNetworks/subnets/read'
        ]
      }
    ]
  }
}

resource joinsSystem 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: network::system
  name: guid(network::system.id, controlPlane.id, 'Keyless Subnet Joiner')
  properties: {
    roleDefinitionId: subnetJoiner.id
    principalId: controlPlane.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource joinsUser 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: network::user
  name: guid(network::user.id, controlPlane.id, 'Keyless Subnet Joiner')
  properties: {
    roleDefinitionId: subnetJoiner.id
    principalId: controlPlane.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

var managedIdentityOperator = 'f1a07417-d97a-45cb-824c-7a7467783830'

resource runsAsKubelet 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: kubelet
  name: guid(kubelet.id, controlPlane.id, 'Managed Identity Operator')
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', managedIdentityOperator)
    principalId: controlPlane.properties.principalId
    principalType: 'ServicePrincipal'
  }
}
