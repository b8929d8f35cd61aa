"""Make the application's secrets: the keys that sign sessions and receipts.

A deployment, or the laptop's start, makes them once and stores them in Key Vault. The services read them with a
federated token. Azure Resource Manager can't make an Ed25519 pair, so this module does.
"""

import secrets
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

FRONTEND_SIGNING_KEY = "frontend-signing-key"
RECEIPT_PUBLIC_KEY = "receipt-public-key"
RECEIPT_SIGNING_KEY = "receipt-signing-key"

KID_TAG = "kid"  # on the private key's secret: the version of the public key that verifies what it signs


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An Ed25519 pair as PEM: PKCS #8, and SubjectPublicKeyInfo."""

    private: str
    public: str


def receipt_key_pair() -> KeyPair:
    key = Ed25519PrivateKey.generate()
    return KeyPair(
        private=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        public=key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    )


def session_key() -> str:
    """256 random bits in hexadecimal."""
    return secrets.token_hex(32)
