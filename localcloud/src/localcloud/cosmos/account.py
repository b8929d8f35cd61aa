"""The account's own document, which every client reads first: its endpoints, and what its queries may be."""

import json
from typing import Any

from localcloud.cosmos import sql


def account_document(name: str, base_url: str) -> dict[str, Any]:
    """What `GET /` answers: one region, whose endpoint is the account's own name."""
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
        "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
        "systemReplicationPolicy": {"minReplicaSetSize": 1, "maxReplicasetSize": 1},
        "readPolicy": {"primaryReadCoefficient": 1, "secondaryReadCoefficient": 1},
        "queryEngineConfiguration": _QUERY_ENGINE_CONFIGURATION,
    }


# Limits that clients check a query against; a client that plans queries itself reads them.
_QUERY_ENGINE_CONFIGURATION = json.dumps(
    {
        "maxSqlQueryInputLength": sql.LONGEST,
        "maxJoinsPerSqlQuery": 5,
        "maxLogicalAndPerSqlQuery": 500,
        "maxLogicalOrPerSqlQuery": 500,
        "maxUdfRefPerSqlQuery": 10,
        "maxInExpressionItemsCount": 16000,
        "queryMaxInMemorySortDocumentCount": 500,
        "maxQueryRequestTimeoutFraction": 0.9,
        "sqlAllowNonFiniteNumbers": False,
        "sqlAllowAggregateFunctions": True,
        "sqlAllowSubQuery": False,
        "sqlAllowScalarSubQuery": False,
        "allowNewKeywords": True,
        "sqlAllowLike": False,
        "sqlAllowGroupByClause": False,
        "maxSpatialQueryCells": 12,
        "spatialMaxGeometryPointCount": 256,
        "sqlDisableQueryILOptimization": False,
        "enableSpatialIndexing": True,
    }
)
