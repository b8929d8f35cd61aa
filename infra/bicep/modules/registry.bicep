// The container registry, in ABAC mode, said explicitly: AcrPull and AcrPush are not honoured in it, and a role on images takes a
// condition on the repository. https://learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions

import { Deployer, Profile, Tags } from '../types.bicep'

param name string
param registryName string
param location string
param tags Tags
param profile Profile
param deployers Deployer[]

var production = profile == 'production'

// https://learn.microsoft.com/azure/container-registry/container-registry-rbac-built-in-roles-directory-reference
var reader = { name: 'Container Registry Repository Reader', id: 'b93aa761-3e63-49ed-ac28-beffa264f7ac' }
var writer = { name: 'Container Registry Repository Writer', id: '2a1e307c-b015-4ebd-883e-5b7698a07328' }

// Each condition reads: unless it is one of the role's own actions, or the repository is this application's.
var actions = 'Microsoft.ContainerRegistry/registries/repositories'
var ofThisApplication = '@Request[${actions}:name] StringStartsWithIgnoreCase \'${name}/\''
var notReading = '!(ActionMatches{\'${actions}/content/read\'}) AND !(ActionMatches{\'${actions}/metadata/read\'})'
var notWriting = '!(ActionMatches{\'${actions}/content/write\'}) AND !(ActionMatches{\'${actions}/metadata/write\'})'

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' = {
  name: registryName
  location: location
  tags: tags
  sku: { name: production ? 'Premium' : 'Basic' }
  properties: {
    roleAssignmentMode: 'AbacRepositoryPermissions'
    adminUserEnabled: false
    anonymousPullEnabled: false
    publicNetworkAccess: production ? 'Disabled' : 'Enabled'
    networkRuleBypassOptions: 'None'
    zoneRedundancy: production ? 'Enabled' : 'Disabled'
    // Images may not leave a private registry by export; the other tiers do not take the policy.
    policies: production ? { exportPolicy: { status: 'disabled' } } : null
  }
}

resource network 'Microsoft.Network/virtualNetworks@2026-03-01' existing = {
  name: '${name}-vnet'

  resource buildAgents 'subnets' existing = {
    name: 'build-agents'
  }
}

// Builds of a private registry run within the network. Agent pools exist in preview versions only.
resource buildAgents 'Microsoft.ContainerRegistry/registries/agentPools@2025-03-01-preview' = if (production) {
  parent: registry
  name: 'build'
  location: location
  tags: tags
  properties: {
    count: 1
    os: 'Linux'
    tier: 'S1'
    virtualNetworkSubnetResourceId: network::buildAgents.id
  }
}

// Docker Hub refuses many pulls without an account, so the images' base comes from the official images' other public registry,
// once: the cache keeps it. https://learn.microsoft.com/azure/container-registry/artifact-cache-overview
resource baseImage 'Microsoft.ContainerRegistry/registries/cacheRules@2025-11-01' = {
  parent: registry
  name: 'python'
  properties: {
    sourceRepository: 'public.ecr.aws/docker/library/python'
    targetRepository: '${name}/python'
  }
}

resource kubelet 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: '${name}-kubelet'
}

resource kubeletReads 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registry
  name: guid(registry.id, kubelet.id, reader.name)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', reader.id)
    principalId: kubelet.properties.principalId
    principalType: 'ServicePrincipal'
    conditionVersion: '2.0'
    condition: '((${notReading}) OR (${ofThisApplication}))'
  }
}

// A build pushes with its caller's rights (`az acr build --source-acr-auth-id [caller]`).
resource deployersWrite 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for deployer in deployers: {
    scope: registry
    name: guid(registry.id, deployer.principalId, writer.name)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', writer.id)
      principalId: deployer.principalId
      principalType: deployer.principalType
      conditionVersion: '2.0'
      condition: '((${notReading} AND ${notWriting}) OR (${ofThisApplication}))'
    }
  }
]

output loginServer string = registry.properties.loginServer
