using 'main.bicep'

param profile = 'learn'
param name = readEnvironmentVariable('KEYLESS_NAME', 'keyless')
param suffix = readEnvironmentVariable('KEYLESS_SUFFIX')
param deployers = json(readEnvironmentVariable('KEYLESS_DEPLOYERS'))
param hostname = readEnvironmentVariable('KEYLESS_HOSTNAME', '')
param federation = readEnvironmentVariable('KEYLESS_FEDERATION', 'credentials')
param issuers = json(readEnvironmentVariable('KEYLESS_ISSUERS', '[]'))
param addresses = json(readEnvironmentVariable('KEYLESS_ADDRESSES', '[]'))
param nodeSize = readEnvironmentVariable('KEYLESS_NODE_SIZE', '')
param nodeCount = int(readEnvironmentVariable('KEYLESS_NODE_COUNT', '0'))
param runningNodes = json(readEnvironmentVariable('KEYLESS_RUNNING_NODES', '{}'))
param record = json(readEnvironmentVariable('KEYLESS_RECORD', '{}'))

// From the environment, never from a command line or a file.
param frontendSigningKey = readEnvironmentVariable('KEYLESS_FRONTEND_SIGNING_KEY')
param receiptPublicKey = readEnvironmentVariable('KEYLESS_RECEIPT_PUBLIC_KEY')
param receiptSigningKey = readEnvironmentVariable('KEYLESS_RECEIPT_SIGNING_KEY')
