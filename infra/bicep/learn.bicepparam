using 'main.bicep'

param profile = 'learn'
param name = readEnvironmentVariable('KEYLESS_NAME', 'keyless')
param suffix = readEnvironmentVariable('KEYLESS_SUFFIX')
param deployerPrincipalId = readEnvironmentVariable('KEYLESS_DEPLOYER_PRINCIPAL_ID')
param deployerPrincipalType = readEnvironmentVariable('KEYLESS_DEPLOYER_PRINCIPAL_TYPE', 'User')
param hostname = readEnvironmentVariable('KEYLESS_HOSTNAME', '')
param federation = readEnvironmentVariable('KEYLESS_FEDERATION', 'credentials')
param issuers = json(readEnvironmentVariable('KEYLESS_ISSUERS', '[]'))

// From the environment, never from a command line or a file.
param frontendSigningKey = readEnvironmentVariable('KEYLESS_FRONTEND_SIGNING_KEY')
param receiptPublicKey = readEnvironmentVariable('KEYLESS_RECEIPT_PUBLIC_KEY')
param receiptSigningKey = readEnvironmentVariable('KEYLESS_RECEIPT_SIGNING_KEY')
