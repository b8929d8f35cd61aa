"""The data actions that are enforced (https://learn.microsoft.com/azure/cosmos-db/nosql/reference-data-plane-security).

They are Cosmos DB's own: no role of Azure's holds one, a role of the kind `cosmos` holds nothing else.

Two are not what their names suggest: a patch needs `items/replace`, and reading all of a container's items as a feed,
not as a query, needs `readChangeFeed` (https://github.com/Azure/azure-cosmos-dotnet-v3/issues/2927).
"""

READ_METADATA = "Microsoft.DocumentDB/databaseAccounts/readMetadata"

_CONTAINERS = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers"

CREATE = f"{_CONTAINERS}/items/create"
READ = f"{_CONTAINERS}/items/read"
UPSERT = f"{_CONTAINERS}/items/upsert"
REPLACE = f"{_CONTAINERS}/items/replace"
DELETE = f"{_CONTAINERS}/items/delete"
EXECUTE_QUERY = f"{_CONTAINERS}/executeQuery"
READ_CHANGE_FEED = f"{_CONTAINERS}/readChangeFeed"
EXECUTE_STORED_PROCEDURE = f"{_CONTAINERS}/executeStoredProcedure"
MANAGE_CONFLICTS = f"{_CONTAINERS}/manageConflicts"

ACTIONS = (
    READ_METADATA,
    CREATE,
    READ,
    UPSERT,
    REPLACE,
    DELETE,
    EXECUTE_QUERY,
    READ_CHANGE_FEED,
    EXECUTE_STORED_PROCEDURE,
    MANAGE_CONFLICTS,
)
