"""Azure Cosmos DB for NoSQL's data plane (https://learn.microsoft.com/rest/api/cosmos-db/), on SQLite.

One account, whose databases and containers come from the access model: as in Azure under Entra tokens, nobody makes
one through the data plane. Every container is one physical partition.
"""
