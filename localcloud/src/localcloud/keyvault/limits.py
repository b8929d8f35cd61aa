"""Key Vault's limits on secrets, with the pages that name them.

https://learn.microsoft.com/azure/key-vault/general/service-limits (backup),
https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates (names),
https://learn.microsoft.com/azure/key-vault/secrets/about-secrets (value, content type, tags),
https://learn.microsoft.com/rest/api/keyvault/secrets/get-secrets/get-secrets (pages) and
https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview (retention). The transactions in 10 seconds
are not counted: the operator asks for throttling.
"""

import re

NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
VALUE_BYTES = 25 * 1024  # of UTF-8
TAGS = 15
TAG_CHARACTERS = 256  # of a tag's name, and of its value
CONTENT_TYPE_CHARACTERS = 255
PAGE = 25  # entries, which is the default too
VERSIONS_IN_BACKUP = 500
RETENTION_DAYS = 90  # of a deleted secret: the longest, and the default
