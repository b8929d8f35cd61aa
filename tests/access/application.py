"""The application's Azure: a local cloud with the application's access model and its keys."""

from localcloud.testing import RunningCloud

from infra.signing_keys import (
    FRONTEND_SIGNING_KEY,
    KID_TAG,
    RECEIPT_PUBLIC_KEY,
    RECEIPT_SIGNING_KEY,
    receipt_key_pair,
    session_key,
)

NAME = "keyless"


def hand_over_keys(cloud: RunningCloud) -> None:
    """Set the application's secrets, as its deployment does."""
    pair = receipt_key_pair()
    kid = cloud.set_secret(RECEIPT_PUBLIC_KEY, pair.public)
    cloud.set_secret(RECEIPT_SIGNING_KEY, pair.private, {KID_TAG: kid})
    cloud.set_secret(FRONTEND_SIGNING_KEY, session_key())
