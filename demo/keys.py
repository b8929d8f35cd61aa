"""Hands the application's keys to the local vault, as a deployment hands them to Azure's: once, and at a rotation.

`python -m demo.keys FOLDER` makes those that the local cloud with this state folder does not have yet.
"""

import sys
from pathlib import Path

import httpx
from localcloud.operator import ControlError, connect

from infra.signing_keys import (
    FRONTEND_SIGNING_KEY,
    KID_TAG,
    RECEIPT_PUBLIC_KEY,
    RECEIPT_SIGNING_KEY,
    receipt_key_pair,
    session_key,
)


def ensure(control: httpx.Client) -> bool:
    """Makes the keys that are not there yet; says whether any was made."""
    present = set(control.get("/status").raise_for_status().json()["secrets"])
    made = False
    if FRONTEND_SIGNING_KEY not in present:
        rotate_session_key(control)
        made = True
    if RECEIPT_SIGNING_KEY not in present:
        rotate_receipt_key(control)
        made = True
    return made


def rotate_session_key(control: httpx.Client) -> str:
    """A new version of the key that signs sessions; the earlier ones still verify."""
    return _put(control, FRONTEND_SIGNING_KEY, session_key(), {})


def rotate_receipt_key(control: httpx.Client) -> str:
    """A new pair: the public key first, so that whoever sees the new private key finds its counterpart."""
    pair = receipt_key_pair()
    kid = _put(control, RECEIPT_PUBLIC_KEY, pair.public, {})
    _put(control, RECEIPT_SIGNING_KEY, pair.private, {KID_TAG: kid})
    return kid


def _put(control: httpx.Client, name: str, value: str, tags: dict[str, str]) -> str:
    response = control.put(f"/secrets/{name}", json={"value": value, "tags": tags})
    return str(response.raise_for_status().json()["version"])


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        with connect(Path(sys.argv[1])) as control:
            ensure(control)
    except ControlError as error:
        sys.exit(f"demo.keys: {error}")


if __name__ == "__main__":
    main()
