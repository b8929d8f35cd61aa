"""Blob Storage: a gateway that checks each request's token and access, and Azurite behind it."""
