"""`/identity`: the token's journey, and a button for each service that tries what the frontend was not granted."""

from flask import Blueprint, Response, jsonify, make_response, render_template, session
from flask.sessions import NullSession
from werkzeug.exceptions import NotFound

from frontend.identity.journey import journey
from frontend.identity.privileges import Tried, privileges, tried
from frontend.parts import parts
from frontend.web.representations import wants_html

identity = Blueprint("identity", __name__)


@identity.get("/identity")
def show_identity() -> Response:
    """Show the journey as a page or as JSON. It needs no access: what is missing is shown in its place."""
    return _show()


@identity.post("/identity/attempts/<name>")
def attempt(name: str) -> Response:
    """Try what was not granted. The answer shows the service's own refusal."""
    privilege = privileges(parts()).get(name)
    if privilege is None:
        raise NotFound
    outcome = tried(privilege.try_denied)
    if wants_html():
        return _show(name, outcome)
    return jsonify(service=privilege.service, denied=privilege.denied, outcome=outcome)


def _show(attempted: str | None = None, outcome: Tried | None = None) -> Response:
    found = journey(parts())
    if not wants_html():
        return jsonify(found.model_dump(mode="json"))
    page = render_template(
        "identity.html",
        journey=found,
        attempted=attempted,
        attempt_outcome=outcome,
        # Without a signing key there is no session, so there is no CSRF token and no button.
        can_try=not isinstance(session, NullSession),
    )
    return make_response(page)
