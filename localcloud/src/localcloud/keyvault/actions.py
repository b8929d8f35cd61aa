"""The data actions on secrets that are enforced.

https://learn.microsoft.com/azure/role-based-access-control/permissions/security#microsoftkeyvault
"""

_SECRETS = "Microsoft.KeyVault/vaults/secrets"

GET_SECRET = f"{_SECRETS}/getSecret/action"
READ_METADATA = f"{_SECRETS}/readMetadata/action"
SET_SECRET = f"{_SECRETS}/setSecret/action"
UPDATE = f"{_SECRETS}/update/action"
DELETE = f"{_SECRETS}/delete"
BACKUP = f"{_SECRETS}/backup/action"
RESTORE = f"{_SECRETS}/restore/action"
RECOVER = f"{_SECRETS}/recover/action"
PURGE = f"{_SECRETS}/purge/action"

ACTIONS = (GET_SECRET, READ_METADATA, SET_SECRET, UPDATE, DELETE, BACKUP, RESTORE, RECOVER, PURGE)
