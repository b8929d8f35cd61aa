"""The application's three secrets: made with the first deployment, rotated on demand."""

from collections.abc import Mapping

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
_MARK = "replace"
"""The tag of a key that does not belong to the other one of its pair."""


def fresh() -> dict[str, str]:
    """Return a value for each of the three secrets. The deployment drops a value if its secret exists."""
    pair = receipt_key_pair()
    return {FRONTEND_SIGNING_KEY: session_key(), RECEIPT_PUBLIC_KEY: pair.public, RECEIPT_SIGNING_KEY: pair.private}


def mark_if_half_made(azure: Azure, deployment: Deployment, secrets: Mapping[str, Mapping[str, str]]) -> None:
    """If one key of the pair exists without the other, tag it as one that is to be replaced.

    A first deployment was interrupted between the two. The next one makes the missing key of a pair whose other key is
    lost, so both have to be replaced afterwards. The tag stays in Azure, in case that run is interrupted as well.
    `secrets` are the tags of each secret of the vault.
    """
    alone = {RECEIPT_PUBLIC_KEY, RECEIPT_SIGNING_KEY} & secrets.keys()
    if len(alone) == 1:
        _mark(azure, deployment, alone.pop())


def replace_marked_pair(azure: Azure, deployment: Deployment, secrets: Mapping[str, Mapping[str, str]]) -> bool:
    """Store a new pair if a key has the tag. Return whether that was so.

    The private key is tagged first and written last: until it is, the next run begins again.
    """
    if not any(_MARK in tags for tags in secrets.values()):
        return False
    _mark(azure, deployment, RECEIPT_SIGNING_KEY)
    rotate_receipt_key(azure, deployment)
    return True


def _mark(azure: Azure, deployment: Deployment, name: str) -> None:
    azure.put_secret(deployment, name, session_key(), "text/plain", {_MARK: "true"})


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
