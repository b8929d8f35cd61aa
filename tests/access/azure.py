"""What Azure's own pages say of the actions that the local cloud enforces: is each an action or a data action?

Written from the tables of https://learn.microsoft.com/azure/role-based-access-control/permissions/ (`storage`,
`integration` and `security`), without the local cloud's own list.
"""

_BLOB_SERVICE = "Microsoft.Storage/storageAccounts/blobServices"

ACTIONS = {
    "Microsoft.ServiceBus/namespaces/queues/read",
    "Microsoft.ServiceBus/namespaces/topics/read",
    "Microsoft.ServiceBus/namespaces/topics/subscriptions/read",
    "Microsoft.ServiceBus/namespaces/topics/subscriptions/rules/read",
    f"{_BLOB_SERVICE}/read",
    f"{_BLOB_SERVICE}/write",
    f"{_BLOB_SERVICE}/getInfo/action",
    f"{_BLOB_SERVICE}/generateUserDelegationKey/action",
    f"{_BLOB_SERVICE}/containers/read",
    f"{_BLOB_SERVICE}/containers/write",
    f"{_BLOB_SERVICE}/containers/delete",
    f"{_BLOB_SERVICE}/containers/getAcl/action",
    f"{_BLOB_SERVICE}/containers/setAcl/action",
}
DATA_ACTIONS = {
    "Microsoft.ServiceBus/namespaces/messages/send/action",
    "Microsoft.ServiceBus/namespaces/messages/receive/action",
    "Microsoft.KeyVault/vaults/secrets/getSecret/action",
    "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
    "Microsoft.KeyVault/vaults/secrets/setSecret/action",
    "Microsoft.KeyVault/vaults/secrets/update/action",
    "Microsoft.KeyVault/vaults/secrets/delete",
    "Microsoft.KeyVault/vaults/secrets/backup/action",
    "Microsoft.KeyVault/vaults/secrets/restore/action",
    "Microsoft.KeyVault/vaults/secrets/recover/action",
    "Microsoft.KeyVault/vaults/secrets/purge/action",
    f"{_BLOB_SERVICE}/containers/blobs/read",
    f"{_BLOB_SERVICE}/containers/blobs/write",
    f"{_BLOB_SERVICE}/containers/blobs/delete",
    f"{_BLOB_SERVICE}/containers/blobs/add/action",
    f"{_BLOB_SERVICE}/containers/blobs/filter/action",
    f"{_BLOB_SERVICE}/containers/blobs/tags/read",
    f"{_BLOB_SERVICE}/containers/blobs/tags/write",
}
# Of Cosmos DB those tables have no data action at all: its data plane has roles and actions of its own
# (https://learn.microsoft.com/azure/cosmos-db/nosql/reference-data-plane-security).
_CONTAINERS = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers"
COSMOS_DATA_ACTIONS = {
    "Microsoft.DocumentDB/databaseAccounts/readMetadata",
    f"{_CONTAINERS}/items/create",
    f"{_CONTAINERS}/items/read",
    f"{_CONTAINERS}/items/upsert",
    f"{_CONTAINERS}/items/replace",
    f"{_CONTAINERS}/items/delete",
    f"{_CONTAINERS}/executeQuery",
    f"{_CONTAINERS}/readChangeFeed",
    f"{_CONTAINERS}/executeStoredProcedure",
    f"{_CONTAINERS}/manageConflicts",
}
