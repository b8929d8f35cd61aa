"""Protection against cross-site request forgery: each request that changes something carries a token of its session."""

from flask import Flask, current_app, request
from flask_wtf import CSRFProtect  # type: ignore[import-untyped]

from frontend.web.sessions import require_session

csrf = CSRFProtect()


def register(app: Flask) -> None:
    """Check every request, except those of a view that is exempt."""
    app.before_request(_require_session_to_change)  # before `csrf`, which fails without a key
    csrf.init_app(app)


def _require_session_to_change() -> None:
    if request.endpoint and request.method in current_app.config["WTF_CSRF_METHODS"]:
        require_session()
