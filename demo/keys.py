"""Store the application's keys in the local vault, as a deployment stores them in Azure's, and rotate them.

`python -m demo.keys FOLDER PAGE` makes the keys that the local cloud with this state folder does not have yet. It then
prints the page's address, which is the last line before the logs if you start the containers.
"""

import sys
from pathlib import Path

import httpx
from localcloud.operator.client import ControlError, connect
from localcloud.operator.lines import step

from infra.signing_keys import (
    FRONTEND_SIGNING_KEY,
    KID_TAG,
    RECEIPT_PUBLIC_KEY,
    RECEIPT_SIGNING_KEY,
    receipt_key_pair,
    session_key,
)


def ensure(control: httpx.Client) -> bool:
    """Make the keys that do not exist yet. Returns whether any was made."""
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
    """Store a new version of the key that signs sessions; return it. Earlier versions still verify."""
    return _put(control, FRONTEND_SIGNING_KEY, session_key(), {})


def rotate_receipt_key(control: httpx.Client) -> str:
    """Store a new pair, the public key first: a receipt that is signed with the new private key verifies at once."""
    pair = receipt_key_pair()
    kid = _put(control, RECEIPT_PUBLIC_KEY, pair.public, {})
    _put(control, RECEIPT_SIGNING_KEY, pair.private, {KID_TAG: kid})
    return kid


def _put(control: httpx.Client, name: str, value: str, tags: dict[str, str]) -> str:
    response = control.put(f"/secrets/{name}", json={"value": value, "tags": tags})
    return str(response.raise_for_status().json()["version"])


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    _, folder, page = sys.argv
    try:
        with connect(Path(folder)) as control:
            ensure(control)
    except ControlError as error:
        sys.exit(f"demo.keys: {error}")
    step(f"The vault has the application's keys; in a few seconds the page is on {page}")


if __name__ == "__main__":
    main()
