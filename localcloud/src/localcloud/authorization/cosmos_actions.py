"""The data actions that a role of Cosmos DB's data plane may name; Cosmos DB refuses a role definition with another.

https://learn.microsoft.com/azure/cosmos-db/nosql/reference-data-plane-security
"""

_CONTAINERS = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers"

DATA_ACTIONS = (
    "Microsoft.DocumentDB/databaseAccounts/readMetadata",
    f"{_CONTAINERS}/items/create",
    f"{_CONTAINERS}/items/read",
    f"{_CONTAINERS}/items/replace",
    f"{_CONTAINERS}/items/upsert",
    f"{_CONTAINERS}/items/delete",
    f"{_CONTAINERS}/executeQuery",
    f"{_CONTAINERS}/readChangeFeed",
    f"{_CONTAINERS}/executeStoredProcedure",
    f"{_CONTAINERS}/manageConflicts",
)
WILDCARDS = (f"{_CONTAINERS}/*", f"{_CONTAINERS}/items/*")
"""The two levels at which Cosmos DB takes a `*`."""

_KNOWN = {action.lower() for action in (*DATA_ACTIONS, *WILDCARDS)}


def check(action: str) -> None:
    """Raise `ValueError` if Cosmos DB documents no such data action."""
    if action.lower() not in _KNOWN:
        raise ValueError(
            f"{action!r} is no data action of Cosmos DB. It has readMetadata, in the containers "
            f"{', '.join(known.removeprefix(f'{_CONTAINERS}/') for known in DATA_ACTIONS[1:])}, and a * at the end of "
            "…/containers/* and …/containers/items/* alone"
        )
