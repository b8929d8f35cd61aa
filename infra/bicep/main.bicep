// The whole deployment. `infra/README.md` lists parameters, outputs, names and modules, which Terraform shares. All grants come
// from `infra/access.yaml`.

targetScope = 'subscription'

import { Deployer, Federation, Issuer, Profile, RunningNodes } from 'types.bicep'

@description('learn: cheap and public. production: private and zone-redundant.')
param profile Profile = 'learn'

param location string = deployment().location

@description('What every name begins with: lower-case letters and digits, a letter first.')
@minLength(3)
@maxLength(12)
param name string = 'keyless'

@description('Makes names unique in the world: lower-case letters and digits. `make deploy` draws it once and keeps it.')
@minLength(4)
@maxLength(6)
param suffix string

@description('Further OIDC issuers whose service accounts get the same identities. An identity takes 20 credentials.')
@maxLength(18)
param issuers Issuer[] = []

@description('How identities trust this cluster. Further issuers are always trusted by federated credentials.')
param federation Federation = 'credentials'

@description('Who runs `make deploy`, and who ran it before.')
@minLength(1)
param deployers Deployer[]

@description('Further public addresses that the firewalls of the profile learn let in: those of clusters elsewhere.')
param addresses string[] = []

@description('The size of the nodes; the profile\'s own without one.')
param nodeSize string = ''

@description('How many nodes for pods there are at least; as many as the profile says with 0.')
@minValue(0)
@maxValue(100)
param nodeCount int = 0

@description('How many nodes the autoscaler keeps now: a deployment leaves them. Empty before the first one.')
param runningNodes RunningNodes = {}

@description('Further tags of the resource group. `make deploy` records the deployment in them.')
param record { *: string } = {}

@description('The public host name; without one nothing is exposed.')
param hostname string = ''

@secure()
@minLength(32)
param frontendSigningKey string

@secure()
@minLength(32)
param receiptPublicKey string

@secure()
@minLength(32)
param receiptSigningKey string

var access = loadYamlContent('../access.yaml')

// The refused values, each with its reason. `fail()` raises when its value is used, and every deployment uses this one.
var issuerNames = map(issuers, issuer => issuer.name)
var issuerUrls = map(issuers, issuer => issuer.url)
var refusals = filter(
  [
    { when: toLower(name) != name || contains(name, '-'), because: 'name takes lower-case letters and digits only.' }
    {
      when: toLower(suffix) != suffix || contains(suffix, '-')
      because: 'suffix takes lower-case letters and digits only.'
    }
    { when: contains(issuerNames, 'aks'), because: 'An issuer may not be named aks: that is the cluster\'s own.' }
    { when: length(union(issuerNames, [])) < length(issuers), because: 'Two issuers have the same name.' }
    { when: length(union(issuerUrls, [])) < length(issuers), because: 'Two issuers have the same url.' }
    {
      when: !empty(filter(issuerUrls, url => !startsWith(url, 'https://')))
      because: 'An issuer\'s url begins with https://.'
    }
    {
      when: profile == 'production' && !empty(addresses)
      because: 'Production has no firewall to open: its services are private.'
    }
    { when: contains(hostname, '/'), because: 'hostname is a name such as orders.example.com, not a URL.' }
  ],
  refusal => refusal.when
)
var trustedIssuers = empty(refusals) ? issuers : fail(join(map(refusals, refusal => refusal.because), ' '))

// The Gateway reads its certificate as a workload of its own. It is not in the model, which is the application's. It has
// another namespace, since Application routing's proxies do not meet the Pod Security Standard of the application's pods.
var gateway = {
  namespace: '${access.workloads.frontend.namespace}-gateway'
  serviceAccount: 'gateway'
  grants: [{ role: 'Key Vault Secrets User', scope: 'keyVault/gateway-certificate' }]
}
var exposed = !empty(hostname)
var model = exposed ? union(access, { workloads: { gateway: gateway } }) : access
var workloads = objectKeys(model.workloads)

var tags = { application: name, profile: profile }

// Unique in the world; without the hyphen if Azure forbids it.
var hyphenated = '${name}-${suffix}'
var compact = '${name}${suffix}'

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: '${name}-rg'
  location: location
  tags: union(tags, record)
}

module policies 'modules/policies.bicep' = {
  scope: group
  params: { name: name, issuers: trustedIssuers }
}

module network 'modules/network.bicep' = {
  scope: group
  params: { name: name, location: location, tags: tags, profile: profile }
}

module identities 'modules/identities.bicep' = {
  scope: group
  params: { name: name, location: location, tags: tags, workloads: workloads }
}

module keyVault 'modules/key-vault.bicep' = {
  scope: group
  params: {
    vaultName: hyphenated
    location: location
    tags: tags
    profile: profile
    allowedAddresses: concat([network.outputs.egressAddress], addresses)
    frontendSigningKey: frontendSigningKey
    receiptPublicKey: receiptPublicKey
    receiptSigningKey: receiptSigningKey
  }
}

module cosmos 'modules/cosmos.bicep' = {
  scope: group
  params: {
    name: name
    accountName: hyphenated
    location: location
    tags: tags
    profile: profile
    access: access
    allowedAddresses: concat([network.outputs.egressAddress], addresses)
  }
  dependsOn: [identities]
}

module storage 'modules/storage.bicep' = {
  scope: group
  params: {
    name: name
    accountName: compact
    location: location
    tags: tags
    profile: profile
    access: access
    addresses: addresses
  }
  dependsOn: [network]
}

module serviceBus 'modules/service-bus.bicep' = {
  scope: group
  params: {
    namespaceName: hyphenated
    location: location
    tags: tags
    profile: profile
    access: access
    allowedAddresses: concat([network.outputs.egressAddress], addresses)
  }
}

module registry 'modules/registry.bicep' = {
  scope: group
  params: {
    name: name
    registryName: compact
    location: location
    tags: tags
    profile: profile
    deployers: deployers
  }
  dependsOn: [network, identities]
}

module clusterRoles 'modules/cluster-roles.bicep' = {
  scope: group
  params: { name: name, deployment: hyphenated }
  dependsOn: [network, identities]
}

module logs 'modules/logs.bicep' = {
  scope: group
  params: { name: name, location: location, tags: tags, profile: profile }
}

module cluster 'modules/cluster.bicep' = {
  scope: group
  params: {
    name: name
    dnsPrefix: hyphenated
    location: location
    tags: tags
    profile: profile
    deployers: deployers
    certificateFromVault: exposed
    workspaceId: logs.outputs.id
    nodeSize: nodeSize
    nodeCount: nodeCount
    runningNodes: runningNodes
  }
  dependsOn: [clusterRoles]
}

module trusts 'modules/federation.bicep' = {
  scope: group
  params: {
    name: name
    clusterIssuerUrl: cluster.outputs.oidcIssuerUrl
    workloads: map(items(model.workloads), workload => {
      name: workload.key
      subject: 'system:serviceaccount:${workload.value.namespace}:${workload.value.serviceAccount}'
      issuers: workload.key == 'gateway' ? [] : trustedIssuers
      federation: workload.key == 'gateway' ? 'credentials' : workload.value.?federation ?? federation
    })
  }
  dependsOn: [policies]
}

module grants 'modules/access.bicep' = {
  scope: group
  params: {
    name: name
    deployment: hyphenated
    access: model
    vaultName: hyphenated
    serviceBusNamespaceName: hyphenated
    storageAccountName: compact
  }
  dependsOn: [identities, keyVault, serviceBus, storage]
}

module observability 'modules/observability.bicep' = {
  scope: group
  params: {
    name: name
    location: location
    tags: tags
    profile: profile
    vaultName: hyphenated
    cosmosAccountName: hyphenated
    storageAccountName: compact
    serviceBusNamespaceName: hyphenated
    registryName: compact
    namespace: access.workloads.frontend.namespace
    alerts: loadYamlContent('../alerts.yaml')
  }
  dependsOn: [identities, keyVault, cosmos, storage, serviceBus, registry, cluster]
}

module privateEndpoints 'modules/private-endpoints.bicep' = if (profile == 'production') {
  scope: group
  params: {
    name: name
    location: location
    tags: tags
    vaultName: hyphenated
    cosmosAccountName: hyphenated
    storageAccountName: compact
    serviceBusNamespaceName: hyphenated
    registryName: compact
  }
  dependsOn: [network, keyVault, cosmos, storage, serviceBus, registry]
}

// None of these is a secret.
output tenantId string = tenant().tenantId
output resourceGroupName string = group.name
output clusterName string = '${name}-aks'
output oidcIssuerUrl string = cluster.outputs.oidcIssuerUrl
output vaultName string = hyphenated
output keyVaultEndpoint string = keyVault.outputs.endpoint
output cosmosEndpoint string = cosmos.outputs.endpoint
output blobEndpoint string = storage.outputs.blobEndpoint
output serviceBusNamespace string = serviceBus.outputs.fullyQualifiedNamespace
output registryLoginServer string = registry.outputs.loginServer
output frontendClientId string = identities.outputs.clientIds[indexOf(workloads, 'frontend')]
output backendClientId string = identities.outputs.clientIds[indexOf(workloads, 'backend')]
output redriveClientId string = identities.outputs.clientIds[indexOf(workloads, 'redrive')]
output repairClientId string = identities.outputs.clientIds[indexOf(workloads, 'repair')]
output kedaClientId string = identities.outputs.clientIds[indexOf(workloads, 'keda')]
output gatewayClientId string = exposed ? identities.outputs.clientIds[indexOf(workloads, 'gateway')] : ''
output hostname string = hostname
output egressAddress string = network.outputs.egressAddress
