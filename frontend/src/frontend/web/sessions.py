"""The session: a cookie that Flask signs, with the customer's id and the references that `orders.remembered` keeps."""

import uuid
from collections.abc import Sequence

from flask import Flask, Request, request, session
from flask.sessions import NullSession, SecureCookieSession, SecureCookieSessionInterface

from frontend.web.problems import NotReady
from frontend.web.signing_keys import SigningKeys


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
        """Tell whether the browser came over https. It would drop a Secure cookie that came over http."""
        return request.is_secure


def sign_with(app: Flask, keys: Sequence[str]) -> None:
    """Sign sessions and forms with the last key, and verify them with each."""
    # The fallback keys first: a request that comes between the two assignments then still verifies old sessions.
    app.config["SECRET_KEY_FALLBACKS"] = app.config["WTF_CSRF_SECRET_KEY"] = keys
    app.config["SECRET_KEY"] = keys[-1]


def require_session() -> None:
    """Raise the problem 503 if there is no signing key: without one, nothing can be signed or verified."""
    if isinstance(session, NullSession):
        raise NotReady("NoSigningKey", "The frontend has not read its signing key from Key Vault. /readyz says why.")


def has_customer() -> bool:
    """Tell whether the request came with a customer's session."""
    return "customer" in session


def customer() -> str:
    """Return the customer's id, 32 hexadecimal digits. A new customer gets one, and a session with it."""
    if not has_customer():
        session["customer"] = uuid.uuid4().hex
        session.permanent = True
    return str(session["customer"])
