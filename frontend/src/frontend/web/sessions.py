"""The session: a cookie signed by Flask that holds the customer's id and the references of their last orders.

Two requests of one session at once each answer with a cookie, and the last one stands: a reference may be missing from
it. That costs a line in a list, until the order is receipted and comes from Cosmos DB.
"""

import uuid
from typing import Any

from flask import Flask, Request, current_app, request, session
from flask.sessions import NullSession, SecureCookieSession, SecureCookieSessionInterface

from frontend.orders.references import Reference
from frontend.web.problems import Problem
from frontend.web.signing_keys import SigningKeys

REMEMBERED = 10  # references; the cookie stays under the 4,096 bytes that every browser takes


class Sessions(SecureCookieSessionInterface):
    """Flask's own sessions, with keys from Key Vault."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        opened = super().open_session(app, request)
        unverified = not opened and self.get_cookie_name(app) in request.cookies
        if unverified and self._keys.refresh_after_bad_signature():
            return super().open_session(app, request)
        return opened

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002
        """Secure exactly where the browser came over https; a browser drops a Secure cookie that came over http."""
        return request.is_secure


def require_session() -> None:
    """For `before_request`: without a key there is no session, and nothing can be signed or recognised."""
    if isinstance(session, NullSession):
        raise Problem(
            503,
            "NoSigningKey",
            "The frontend has not read its signing key from Key Vault. /readyz says why.",
            headers={"Retry-After": "2"},
        )


def require_session_to_change() -> None:
    """`require_session` for requests that change something: each is checked against forgery, with the session's key."""
    if request.endpoint and request.method in current_app.config["WTF_CSRF_METHODS"]:
        require_session()


def customer_of_session() -> str | None:
    """The customer's id, 32 hexadecimal digits, or None for somebody new."""
    return session.get("customer")


def customer() -> str:
    """The customer's id; somebody new gets one, and with it a session."""
    if "customer" not in session:
        session["customer"] = uuid.uuid4().hex
        session.permanent = True
    return str(session["customer"])


def remember(reference: Reference) -> None:
    """Puts the reference first among the session's last ones, each order body once."""
    others = [text for text in references() if text != reference.text]
    session["references"] = [reference.text, *others][:REMEMBERED]


def forget(done: set[str]) -> None:
    """Drops references whose orders are in Cosmos DB: from there on the container tells of them."""
    if done:
        session["references"] = [text for text in references() if text not in done]


def references() -> list[str]:
    """The session's references, the newest first."""
    kept: Any = session.get("references", [])
    return list(kept)
