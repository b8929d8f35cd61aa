// Virtual network, subnets, and one NAT gateway: all traffic leaves the cluster from one fixed address.

import { Profile, Tags } from '../types.bicep'

param name string
param location string
param tags Tags
param profile Profile

var production = profile == 'production'

// StandardV2 is the zone-redundant kind: https://learn.microsoft.com/azure/nat-gateway/nat-sku
var natSku = production ? 'StandardV2' : 'Standard'

resource egress 'Microsoft.Network/publicIPAddresses@2026-03-01' = {
  name: '${name}-egress'
  location: location
  tags: tags
  sku: { name: natSku }
  zones: production ? ['1', '2', '3'] : null
  properties: {
    publicIPAllocationMethod: 'Static'
    publicIPAddressVersion: 'IPv4'
  }
}

resource nat 'Microsoft.Network/natGateways@2026-03-01' = {
  name: '${name}-nat'
  location: location
  tags: tags
  sku: { name: natSku }
  zones: production ? ['1', '2', '3'] : null
  properties: {
    publicIpAddresses: [{ id: egress.id }]
  }
}

// No network security group: AKS keeps its own on the nodes, and one on a subnet would have to repeat its rules.
// In learn the pods reach the storage account through a service endpoint, since an account's address rules have no
// effect on traffic from within its own region: https://learn.microsoft.com/azure/storage/common/storage-network-security-limitations
var nodeSubnets = [
  {
    name: 'system'
    properties: {
      addressPrefix: '10.224.0.0/24'
      defaultOutboundAccess: false
      natGateway: { id: nat.id }
    }
  }
  {
    name: 'user'
    properties: {
      addressPrefix: '10.224.4.0/22'
      defaultOutboundAccess: false
      natGateway: { id: nat.id }
      serviceEndpoints: production ? [] : [{ service: 'Microsoft.Storage' }]
    }
  }
]

var productionSubnets = [
  {
    name: 'private-endpoints'
    properties: {
      addressPrefix: '10.224.1.0/24'
      defaultOutboundAccess: false
    }
  }
  {
    name: 'build-agents'
    properties: {
      addressPrefix: '10.224.2.0/24'
      defaultOutboundAccess: false
      natGateway: { id: nat.id }
    }
  }
]

resource network 'Microsoft.Network/virtualNetworks@2026-03-01' = {
  name: '${name}-vnet'
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.224.0.0/16'] }
    subnets: concat(nodeSubnets, production ? productionSubnets : [])
  }
}

output egressAddress string = egress.properties.ipAddress
