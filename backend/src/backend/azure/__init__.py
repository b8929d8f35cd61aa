"""The worker's identity, its clients of Azure's services, and what it does if one of them can't be used."""
