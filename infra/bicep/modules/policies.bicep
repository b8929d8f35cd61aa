// Who may be trusted is itself limited. Two built-in policies, in Deny, refuse a federated credential for any issuer but AKS
// clusters of this tenant and the issuers listed. Without them, a principal that may add a credential to an identity could
// act as it.
// https://github.com/Azure/azure-policy/tree/master/built-in-policies/policyDefinitions/Managed%20Identity

import { Issuer } from '../types.bicep'

param name string
param issuers Issuer[]

// An AKS issuer is https://{region}.oic.prod-aks.azure.com/{tenant}/{cluster}/.
var aksHost = '.oic.prod-aks.azure.com'
var aksIssuers = filter(issuers, issuer => contains(issuer.url, aksHost))
var otherIssuers = filter(issuers, issuer => !contains(issuer.url, aksHost))

resource aksIssuersOfThisTenant 'Microsoft.Authorization/policyAssignments@2026-07-01' = {
  name: '${name}-aks-issuers'
  properties: {
    displayName: 'Identities trust AKS clusters of this tenant and the listed ones only'
    policyDefinitionId: tenantResourceId(
      'Microsoft.Authorization/policyDefinitions',
      'ae62c456-33de-4dc8-b100-7ce9028a7d99'
    )
    enforcementMode: 'Default'
    parameters: {
      effect: { value: 'Deny' }
      allowedTenants: { value: [tenant().tenantId] }
      allowedClusterExceptions: { value: map(aksIssuers, issuer => split(issuer.url, '/')[4]) }
    }
    nonComplianceMessages: [
      { message: 'An AKS cluster outside this tenant is trusted only if it is listed in issuers.' }
    ]
  }
}

resource knownIssuersOnly 'Microsoft.Authorization/policyAssignments@2026-07-01' = {
  name: '${name}-known-issuers'
  properties: {
    displayName: 'Identities trust AKS and the listed issuers only'
    policyDefinitionId: tenantResourceId(
      'Microsoft.Authorization/policyDefinitions',
      '2571b7c3-3056-4a61-b00a-9bc5232234f5'
    )
    enforcementMode: 'Default'
    parameters: {
      effect: { value: 'Deny' }
      allowFederatedCredentials: { value: true }
      allowAKS: { value: true }
      allowGitHub: { value: false }
      allowAWS: { value: false }
      allowGCS: { value: false }
      allowedIssuerExceptions: { value: map(otherIssuers, issuer => issuer.url) }
    }
    nonComplianceMessages: [{ message: 'An issuer outside AKS is trusted only if it is listed in issuers.' }]
  }
}
