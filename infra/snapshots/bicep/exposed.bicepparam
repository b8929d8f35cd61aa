// Production with a public host name and two further issuers, EKS and another AKS cluster. Every value here is made up, and
// nothing is ever deployed from this file.
using '../../bicep/main.bicep'

param profile = 'production'
param suffix = 'a1b2c'
param deployers = [{ principalId: '00000000-0000-0000-0000-0000000000d0', principalType: 'ServicePrincipal' }]
param hostname = 'orders.example.com'
param issuers = [
  {
    name: 'eks'
    url: 'https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF'
  }
  {
    name: 'other-aks'
    url: 'https://northeurope.oic.prod-aks.azure.com/00000000-0000-0000-0000-0000000000a1/00000000-0000-0000-0000-0000000000b1/'
  }
]

param frontendSigningKey = 'a made-up value, long enough to pass'
param receiptPublicKey = 'a made-up value, long enough to pass'
param receiptSigningKey = 'a made-up value, long enough to pass'
