"""Entra's signing keys. The newest one signs. The one before it still verifies, since its tokens have not expired.

https://learn.microsoft.com/entra/identity-platform/signing-key-rollover
"""

from pathlib import Path

from joserfc.jwk import RSAKey

from localcloud.authorization import keys


class SigningKeys:
    """Two keys at most. `path` holds the newest one, and a file beside it the one before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._previous = path.with_suffix(".previous.pem")
        self._load()

    def rotate(self) -> None:
        """Sign with a new key from now on. The present one still verifies; the one before it no longer does."""
        self._path.replace(self._previous)
        self._load()

    @property
    def newest(self) -> RSAKey:
        return self._keys[0]

    @property
    def published(self) -> tuple[RSAKey, ...]:
        """The keys that verify, the newest first."""
        return tuple(self._keys)

    def jwks(self) -> dict[str, object]:
        """Return the JWKS document, by which other APIs verify."""
        return keys.public_jwks(*self._keys)

    def _load(self) -> None:
        paths = [self._path, *([self._previous] if self._previous.exists() else [])]
        self._keys = [keys.load_or_create(path) for path in paths]
