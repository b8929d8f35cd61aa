// The workspace of the audit trail and of the pods' logs. It takes no key.

import { Profile, Tags } from '../types.bicep'

param name string
param location string
param tags Tags
param profile Profile

// Ingestion stays on public addresses in production too, behind tokens; to make it private takes an Azure Monitor Private
// Link Scope, which changes name resolution for every workspace that the network reaches.
resource workspace 'Microsoft.OperationalInsights/workspaces@2026-03-01' = {
  name: '${name}-logs'
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: profile == 'production' ? 90 : 30
    features: { disableLocalAuth: true }
  }
}

output id string = workspace.id
