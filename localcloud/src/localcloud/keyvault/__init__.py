"""Key Vault's secrets: versions and tags, the challenge, and access by the secret."""
