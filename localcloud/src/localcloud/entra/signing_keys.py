"""Entra's signing keys: the newest signs, and the one before it still verifies, since its tokens have not expired.

https://learn.microsoft.com/entra/identity-platform/signing-key-rollover
"""

from pathlib import Path

from joserfc.jwk import RSAKey

from localcloud.authorization import keys


class SigningKeys:
    """`path` holds the newest key, and a file beside it the one before, if there was one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._previous = path.with_suffix(".previous.pem")
        self._load()

    def rotate(self) -> None:
        """A new key signs from now on; the present one verifies on, and the one before that no more."""
        self._path.replace(self._previous)
        self._load()

    @property
    def newest(self) -> RSAKey:
        return self._keys[0]

    @property
    def published(self) -> tuple[RSAKey, ...]:
        """All that verify, the newest first."""
        return tuple(self._keys)

    def jwks(self) -> dict[str, object]:
        """The JWKS document, by which everybody but these four services would verify."""
        return keys.public_jwks(*self._keys)

    def _load(self) -> None:
        paths = [self._path, *([self._previous] if self._previous.exists() else [])]
        self._keys = [keys.load_or_create(path) for path in paths]
