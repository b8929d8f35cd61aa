"""The references that a customer's session remembers: those of orders on their way, which Cosmos DB does not have yet.

Two requests of one session at once each answer with a cookie, and the last one stands. A reference may be missing from
it. That costs a line in a list, until the order is receipted and comes from Cosmos DB.
"""

from flask import session

from frontend.orders.references import Reference

_MOST = 10  # so that the cookie stays under the 4,096 bytes that every browser takes


def remembered() -> list[str]:
    """Return the texts of the references, the newest first."""
    return list(session.get("references", []))


def remember(reference: Reference) -> None:
    """Put the reference first, and each reference once."""
    others = [text for text in remembered() if text != reference.text]
    session["references"] = [reference.text, *others][:_MOST]


def forget(texts: set[str]) -> None:
    """Remove these references. The cookie is written only if there are any."""
    if texts:
        session["references"] = [text for text in remembered() if text not in texts]
