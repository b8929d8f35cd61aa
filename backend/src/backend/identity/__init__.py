"""The workload's identity, and the clients of Azure's services that are opened with it."""
