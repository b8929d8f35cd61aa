// The AKS cluster. The workloads' identities trust its OIDC issuer. It has no local accounts, so no certificate opens it.

import { Deployer, Profile, RunningNodes, Tags } from '../types.bicep'

param name string
param dnsPrefix string
param location string
param tags Tags
param profile Profile
param deployers Deployer[]

@description('Whether the Gateway takes a certificate from Key Vault: that needs the Key Vault add-on.')
param certificateFromVault bool

@description('The Log Analytics workspace that takes the pods\' logs.')
param workspaceId string

param nodeSize string
param nodeCount int
param runningNodes RunningNodes

var production = profile == 'production'
var zones = production ? ['1', '2', '3'] : null
var defaultSize = production ? 'Standard_D4ads_v5' : 'Standard_D2ads_v5'
var size = empty(nodeSize) ? defaultSize : nodeSize
var least = { system: production ? 3 : 1, user: max(nodeCount, production ? 3 : 1) }
var most = { system: production ? 5 : 2, user: max(nodeCount, production ? 10 : 3) }

resource controlPlane 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: '${name}-control-plane'
}

resource kubelet 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: '${name}-kubelet'
}

resource network 'Microsoft.Network/virtualNetworks@2026-03-01' existing = {
  name: '${name}-vnet'

  resource system 'subnets' existing = {
    name: 'system'
  }

  resource user 'subnets' existing = {
    name: 'user'
  }
}

var everyPool = {
  type: 'VirtualMachineScaleSets'
  vmSize: size
  osType: 'Linux'
  osSKU: 'AzureLinux'
  osDiskType: 'Ephemeral'
  osDiskSizeGB: 64
  maxPods: 110
  availabilityZones: zones
  enableAutoScaling: true
  enableNodePublicIP: false
  upgradeSettings: { maxSurge: '33%' }
}

resource cluster 'Microsoft.ContainerService/managedClusters@2026-08-01' = {
  name: '${name}-aks'
  location: location
  tags: tags
  sku: { name: 'Base', tier: production ? 'Standard' : 'Free' }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${controlPlane.id}': {} }
  }
  properties: {
    kubernetesVersion: '1.37'
    dnsPrefix: dnsPrefix
    nodeResourceGroup: '${name}-nodes'
    identityProfile: {
      kubeletidentity: {
        resourceId: kubelet.id
        clientId: kubelet.properties.clientId
        objectId: kubelet.properties.principalId
      }
    }

    // Workload identity: the issuer signs service accounts' tokens, the webhook adds the volume that projects them.
    oidcIssuerProfile: { enabled: true }
    securityProfile: { workloadIdentity: { enabled: true } }

    // People sign in with Entra tokens, and Azure role assignments decide what they may do.
    disableLocalAccounts: true
    enableRBAC: true
    aadProfile: { managed: true, enableAzureRBAC: true, tenantID: tenant().tenantId }

    apiServerAccessProfile: production
      ? { enablePrivateCluster: true, enablePrivateClusterPublicFQDN: false, privateDNSZone: 'system' }
      : { enablePrivateCluster: false }
    networkProfile: {
      networkPlugin: 'azure'
      networkPluginMode: 'overlay'
      networkDataplane: 'cilium'
      networkPolicy: 'cilium'
      podCidr: '10.244.0.0/16'
      serviceCidr: '10.0.0.0/16'
      dnsServiceIP: '10.0.0.10'
      loadBalancerSku: 'standard'
      outboundType: 'userAssignedNATGateway'
    }

    agentPoolProfiles: [
      union(everyPool, {
        name: 'system'
        mode: 'System'
        vnetSubnetID: network::system.id
        count: max(least.system, runningNodes.?system ?? 0)
        minCount: least.system
        maxCount: most.system
        nodeTaints: ['CriticalAddonsOnly=true:NoSchedule']
      })
      union(everyPool, {
        name: 'user'
        mode: 'User'
        vnetSubnetID: network::user.id
        count: max(least.user, runningNodes.?user ?? 0)
        minCount: least.user
        maxCount: most.user
      })
    ]

    workloadAutoScalerProfile: { keda: { enabled: true } }
    ingressProfile: {
      gatewayAPI: { installation: 'Standard' }
      webAppRouting: {
        enabled: true
        gatewayAPIImplementations: { appRoutingIstio: { mode: 'Enabled' } }
        nginx: { defaultIngressControllerType: 'None' }
      }
    }
    addonProfiles: union(
      { omsagent: { enabled: true, config: { logAnalyticsWorkspaceResourceID: workspaceId, useAADAuth: 'true' } } },
      certificateFromVault
        ? { azureKeyvaultSecretsProvider: { enabled: true, config: { enableSecretRotation: 'true' } } }
        : {}
    )

    autoUpgradeProfile: { upgradeChannel: 'patch', nodeOSUpgradeChannel: 'NodeImage' }
  }
}

// https://learn.microsoft.com/azure/aks/manage-azure-rbac
var clusterAdmin = { name: 'Azure Kubernetes Service RBAC Cluster Admin', id: 'b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b' }

resource deployersAdminister 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for deployer in deployers: {
    scope: cluster
    name: guid(cluster.id, deployer.principalId, clusterAdmin.name)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', clusterAdmin.id)
      principalId: deployer.principalId
      principalType: deployer.principalType
    }
  }
]

output oidcIssuerUrl string = cluster.properties.oidcIssuerProfile.issuerURL
