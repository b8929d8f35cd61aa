"""The application's three secrets: made once with the first deployment, and a rotation on demand."""

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
    """A value for each of the three secrets. Where one exists already, the deployment keeps it and drops this one."""
    pair = receipt_key_pair()
    return {FRONTEND_SIGNING_KEY: session_key(), RECEIPT_PUBLIC_KEY: pair.public, RECEIPT_SIGNING_KEY: pair.private}


def are_half_made(present: set[str]) -> bool:
    """Whether a first deployment was interrupted between the two halves of the pair.

    The half that is there belongs to a pair whose other half is lost, and the deployment would keep it.
    """
    return (RECEIPT_PUBLIC_KEY in present) != (RECEIPT_SIGNING_KEY in present)


def rotate_receipt_key(azure: Azure, deployment: Deployment) -> str:
    """A new pair, the public key first, so that whoever sees the new private key finds its counterpart.

    Returns the public key's version, which is the `kid` of the receipts from now on.
    """
    pair = receipt_key_pair()
    kid = azure.put_secret(deployment, RECEIPT_PUBLIC_KEY, pair.public, _PEM, {})
    azure.put_secret(deployment, RECEIPT_SIGNING_KEY, pair.private, _PEM, {KID_TAG: kid})
    return kid


def rotate_session_key(azure: Azure, deployment: Deployment) -> str:
    """A new key for sessions and references; earlier versions still verify, so nobody is logged out."""
    return azure.put_secret(deployment, FRONTEND_SIGNING_KEY, session_key(), "text/plain", {})
