"""RSA signing keys that survive a restart, for the cluster's issuer and for Entra."""

import os
from pathlib import Path

from joserfc.jwk import KeySet, RSAKey


def load_or_create(path: Path) -> RSAKey:
    """Return the private key in this file. Make it first if there is none: 2048 bits, readable by its owner alone."""
    if path.exists():
        key = RSAKey.import_key(path.read_bytes())
    else:
        key = RSAKey.generate_key(2048, private=True)
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as file:
            file.write(key.as_pem(private=True))
    return identified(key)


def identified(key: RSAKey) -> RSAKey:
    """Return the key with its RFC 7638 thumbprint as `kid`, for signing with RS256."""
    return RSAKey.import_key({**key.as_dict(private=True), "kid": key.thumbprint(), "use": "sig", "alg": "RS256"})


def public_jwks(*keys: RSAKey) -> dict[str, object]:
    """Return the JWKS document of the public keys."""
    return dict(KeySet(list(keys)).as_dict(private=False))
