// The types that more than one file names.

@export()
@description('learn: cheap, public, its firewalls open to the cluster alone. production: private and zone-redundant.')
type Profile = 'learn' | 'production'

@export()
@description('A principal that deploys. Each that has deployed is named, since each keeps its roles.')
type Deployer = {
  @minLength(36)
  @maxLength(36)
  principalId: string

  principalType: 'User' | 'ServicePrincipal' | 'Group'
}

@export()
@description('How identities trust the cluster: by a federated credential, by an identity binding, or, while pods move, both.')
type Federation = 'credentials' | 'bindings' | 'both'

@export()
@description('An OIDC issuer outside this deployment (EKS, kind, any) whose service accounts get the same identities.')
type Issuer = {
  @description('What people call it. Its credentials are named after its URL.')
  @minLength(3)
  @maxLength(120)
  name: string

  @description('Exactly what the `iss` claim says: a slash at the end counts.')
  url: string
}

@export()
@description('How many nodes the autoscaler keeps in each pool now.')
type RunningNodes = {
  system: int?
  user: int?
}

@export()
@description('On every resource that takes tags.')
type Tags = {
  application: string
  profile: Profile
}

@export()
@description('`infra/access.yaml`: which workload may do what, on which entity.')
type AccessModel = {
  entities: {
    keyVault: { *: Nothing }
    serviceBus: { *: Queue }
    cosmos: { *: CosmosContainer }
    blob: { *: Nothing }
  }
  roles: { *: Role }
  workloads: { *: Workload }
  unused: { *: string }
}

@description('An entity that only has a name.')
type Nothing = {}

type Queue = {
  lockDuration: string?
  maxDeliveryCount: int?
  defaultMessageTimeToLive: string?
  duplicateDetectionHistoryTimeWindow: string?
}

type CosmosContainer = {
  database: string
  partitionKey: string
  defaultTtl: int?
}

type Role = {
  kind: 'builtIn' | 'custom' | 'cosmos'
  id: string?
  actions: string[]?
  notActions: string[]?
  dataActions: string[]?
  notDataActions: string[]?
}

@export()
@description('`infra/alerts.yaml`: a query that fires if it has a row.')
type Alert = { because: string, query: string }

type Workload = {
  namespace: string
  serviceAccount: string
  @description('Set for a program that cannot use the token proxy of identity bindings.')
  federation: 'credentials'?
  grants: { role: string, scope: string }[]
}
