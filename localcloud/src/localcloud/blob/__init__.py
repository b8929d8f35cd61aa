"""Blob Storage: the real Azurite behind a gateway that asks who may do what. No blob store of its own."""
