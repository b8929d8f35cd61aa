# Production with a public host name and two further issuers, EKS and another AKS cluster. Every value here is made up, and
# nothing is ever deployed from this file.
profile   = "production"
location  = "westeurope"
suffix    = "a1b2c"
deployers = [{ principal_id = "00000000-0000-0000-0000-0000000000d0", principal_type = "ServicePrincipal" }]
hostname  = "orders.example.com"

issuers = [
  {
    name = "eks"
    url  = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
  },
  {
    name = "other-aks"
    url  = "https://northeurope.oic.prod-aks.azure.com/00000000-0000-0000-0000-0000000000a1/00000000-0000-0000-0000-0000000000b1/"
  },
]
