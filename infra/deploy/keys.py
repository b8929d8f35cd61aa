"""The application's three secrets: made with the first deployment, rotated on demand."""

from infra.deploy.azure import Azure
from infra.deploy.record import Deployment
from infra.signing_keys import (
    FRONTEND_SIGNING_KEY,
    KID_TAG,
    RECEIPT_PUBLIC_KEY,
    RECEIPT_SIGNING_KEY,
    receipt_key_pair,
    session_key,
)

_PEM = "application/x-pem-file"


def fresh() -> dict[str, str]:
    """Return a value for each of the three secrets. The deployment drops a value if its secret exists."""
    pair = receipt_key_pair()
    return {FRONTEND_SIGNING_KEY: session_key(), RECEIPT_PUBLIC_KEY: pair.public, RECEIPT_SIGNING_KEY: pair.private}


def are_half_made(present: set[str]) -> bool:
    """Whether a first deployment was interrupted between the two keys of the pair.

    The key that exists belongs to a pair whose other key is lost, and the deployment would keep it.
    """
    return (RECEIPT_PUBLIC_KEY in present) != (RECEIPT_SIGNING_KEY in present)


def rotate_receipt_key(azure: Azure, deployment: Deployment) -> str:
    """Store a new pair, the public key first: a receipt that is signed with the new private key verifies at once.

    Returns the public key's version, which is the `kid` of the receipts from now on.
    """
    pair = receipt_key_pair()
    kid = azure.put_secret(deployment, RECEIPT_PUBLIC_KEY, pair.public, _PEM, {})
    azure.put_secret(deployment, RECEIPT_SIGNING_KEY, pair.private, _PEM, {KID_TAG: kid})
    return kid


def rotate_session_key(azure: Azure, deployment: Deployment) -> str:
    """Store a new key for sessions and references. Earlier versions still verify, so customers stay logged in."""
    return azure.put_secret(deployment, FRONTEND_SIGNING_KEY, session_key(), "text/plain", {})
