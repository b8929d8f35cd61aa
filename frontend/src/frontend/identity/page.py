"""`/identity`: the token's journey, and a button for each service that tries what the frontend was not granted."""

from flask import Blueprint, Response, jsonify, make_response, render_template, session
from flask.sessions import NullSession
from werkzeug.exceptions import NotFound

from frontend.identity.journey import journey
from frontend.identity.privileges import Outcome, outcome_of, privileges
from frontend.parts import services
from frontend.web.representations import wants_html

identity = Blueprint("identity", __name__)


@identity.get("/identity")
def show_identity() -> Response:
    """The journey as a page or as JSON. It needs no access at all: what is missing stands where it is missing."""
    return _show()


@identity.post("/identity/attempts/<name>")
def attempt(name: str) -> Response:
    """Tries one thing that was not granted; the answer shows the service's own refusal."""
    privilege = privileges(services()).get(name)
    if privilege is None:
        raise NotFound
    outcome = outcome_of(privilege.trespass)
    if wants_html():
        return _show(name, outcome)
    return jsonify(service=privilege.service, denied=privilege.denied, outcome=outcome)


def _show(attempted: str | None = None, attempt_outcome: Outcome | None = None) -> Response:
    found = journey(services())
    if not wants_html():
        return jsonify(found.model_dump(mode="json"))
    # Without a signing key there is no session, no CSRF token and so no button.
    can_try = not isinstance(session, NullSession)
    return make_response(
        render_template(
            "identity.html", journey=found, attempted=attempted, attempt_outcome=attempt_outcome, can_try=can_try
        )
    )
