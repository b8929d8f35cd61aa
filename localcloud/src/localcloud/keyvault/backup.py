"""A secret's backup: one opaque value, which only the vault that made it can read.

In Azure it is encrypted and can be restored within the same subscription and geography
(https://learn.microsoft.com/azure/key-vault/general/backup). Here it is encrypted with a key of this vault's folder.
"""

import base64
import binascii
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from localcloud.keyvault.state import SecretVersion

_NONCE = 12  # bytes


class NotABackup(Exception):
    """The value is no backup that this vault has made."""


class Backups:
    """Makes backups and reads them. `path` holds the key, which is made if there is none."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as file:
                file.write(AESGCM.generate_key(256))
        self._key = AESGCM(path.read_bytes())

    def make(self, versions: Sequence[SecretVersion]) -> str:
        """Return the backup of these versions, in base64url."""
        nonce = os.urandom(_NONCE)
        content = json.dumps([asdict(version) for version in versions]).encode()
        sealed = nonce + self._key.encrypt(nonce, content, None)
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def read(self, backup: str) -> list[SecretVersion]:
        """Return the versions, oldest first; raise `NotABackup`."""
        try:
            sealed = base64.b64decode(backup + "=" * (-len(backup) % 4), altchars=b"-_", validate=True)
            content = self._key.decrypt(sealed[:_NONCE], sealed[_NONCE:], None)
        except (binascii.Error, InvalidTag, ValueError) as error:
            raise NotABackup from error
        return [SecretVersion(**version) for version in json.loads(content)]
