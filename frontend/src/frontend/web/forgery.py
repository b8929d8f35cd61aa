"""Protection against cross-site request forgery: each request that changes something carries a token of its session."""

from flask import Flask, Response, current_app, request
from flask_wtf import CSRFProtect  # type: ignore[import-untyped]
from flask_wtf.csrf import CSRFError  # type: ignore[import-untyped]

from frontend.web.problems import Problem, answer
from frontend.web.sessions import require_session

csrf = CSRFProtect()


def register(app: Flask) -> None:
    """Check every request, except those of a view that is exempt."""
    app.before_request(_require_session_to_change)  # before `csrf`, which fails without a key
    csrf.init_app(app)
    app.register_error_handler(CSRFError, _refused)


def _require_session_to_change() -> None:
    if request.endpoint and request.method in current_app.config["WTF_CSRF_METHODS"]:
        require_session()


def _refused(error: CSRFError) -> Response:
    detail = "Nothing was done: this form is old, or comes from another place. Load the page again, and send its form."
    return answer(Problem(400, "FormRefused", f"{detail} ({error.description})"))
