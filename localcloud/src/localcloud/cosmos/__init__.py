"""Azure Cosmos DB for NoSQL's data plane (https://learn.microsoft.com/rest/api/cosmos-db/), on SQLite.

One account, whose databases and containers come from the access model: as in Azure, no Entra token makes one through
the data plane. Every container is one physical partition.

Not here, and refused: user-defined and spatial functions, vector and full-text search; stored procedures and triggers;
the change feed with all versions; direct mode; throughput and indexing policies, which a single process has no use for.
"""
