"""The account's own document, which every client reads first: its endpoints, and what its queries may be."""

import json
from typing import Any

from localcloud.cosmos import consistency, sql, sql_reader


def account_document(name: str, base_url: str) -> dict[str, Any]:
    """Make the answer to `GET /`: one region, whose endpoint is the account's own name."""
    locations = [{"name": "Local", "databaseAccountEndpoint": base_url}]
    return {
        "id": name,
        "_self": "",
        "_rid": f"{name}.documents.azure.com",
        "_dbs": "//dbs/",
        "media": "//media/",
        "addresses": "//addresses/",
        "writableLocations": locations,
        "readableLocations": locations,
        "enableMultipleWriteLocations": False,
        "continuousBackupEnabled": False,
        "enableNRegionSynchronousCommit": False,
        "userReplicationPolicy": {"asyncReplication": False, "minReplicaSetSize": 1, "maxReplicasetSize": 1},
        "userConsistencyPolicy": {"defaultConsistencyLevel": consistency.LEVEL},
        "systemReplicationPolicy": {"minReplicaSetSize": 1, "maxReplicasetSize": 1},
        "readPolicy": {"primaryReadCoefficient": 1, "secondaryReadCoefficient": 1},
        "queryEngineConfiguration": _QUERY_ENGINE_CONFIGURATION,
    }


_NO_LIMIT = 2**31 - 1

# Limits that clients check a query against; a client that plans queries itself reads them.
_QUERY_ENGINE_CONFIGURATION = json.dumps(
    {
        "maxSqlQueryInputLength": sql.LONGEST,
        "maxJoinsPerSqlQuery": sql_reader.MOST_JOINS,
        "maxLogicalAndPerSqlQuery": _NO_LIMIT,
        "maxLogicalOrPerSqlQuery": _NO_LIMIT,
        "maxUdfRefPerSqlQuery": 10,
        "maxInExpressionItemsCount": _NO_LIMIT,
        "queryMaxInMemorySortDocumentCount": 500,
        "maxQueryRequestTimeoutFraction": 0.9,
        "sqlAllowNonFiniteNumbers": False,
        "sqlAllowAggregateFunctions": True,
        "sqlAllowSubQuery": True,
        "sqlAllowScalarSubQuery": True,
        "allowNewKeywords": True,
        "sqlAllowLike": True,
        "sqlAllowGroupByClause": True,
        "sqlAllowTop": True,
        "maxSpatialQueryCells": 12,
        "spatialMaxGeometryPointCount": 256,
        "sqlDisableQueryILOptimization": False,
        "enableSpatialIndexing": True,
    }
)
