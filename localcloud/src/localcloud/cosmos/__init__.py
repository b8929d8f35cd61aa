"""Azure Cosmos DB for NoSQL's data plane (https://learn.microsoft.com/rest/api/cosmos-db/), on SQLite.

One account, whose databases and containers come from the access model: as in Azure under Entra tokens, nobody makes
one through the data plane. Every container is one physical partition.

Not here, and refused: user-defined and spatial functions, vector and full-text search; stored procedures, triggers and
conflicts; hierarchical partition keys; the change feed of a part of a container, and with all versions; throughput,
indexing policies and consistency levels, which a single process has no use for.
"""
