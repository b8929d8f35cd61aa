"""`/identity`: the token's journey, and a button for each service that tries what the frontend was not granted.

A frontend that is not ready shows the same page to a browser that asks for anything else, if it comes by port-forward.
"""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, make_response, render_template, request, session
from flask.sessions import NullSession
from werkzeug.exceptions import NotFound

from frontend.identity.checks import tried
from frontend.parts import parts
from frontend.web.hosts import by_port_forward
from frontend.web.problems import NotReady, answer
from frontend.web.representations import wants_html
from workload.failure import Failure, explain
from workload.journey import chain, page
from workload.journey.links import Journey
from workload.tokens import Exchange

identity = Blueprint(
    "identity",
    __name__,
    template_folder=page.TEMPLATES,
    static_folder=page.ASSETS,
    static_url_path="/static/workload",
)
identity.add_app_template_filter(page.from_now)
identity.app_context_processor(lambda: {"by_port_forward": by_port_forward(), "assets": identity.static_url_path})


@identity.get("/identity")
def show_identity() -> Response:
    """Show the journey as a page or as JSON. It needs no access: what is missing is shown in its place."""
    found = _journey()
    return _page(found) if wants_html() else jsonify(found.model_dump(mode="json"))


@identity.post("/identity/attempts/<name>")
def attempt(name: str) -> Response:
    """Try what was not granted. The answer shows the service's own refusal."""
    privilege = parts().privileges.get(name)
    if privilege is None or privilege.use.denied is None:
        raise NotFound
    outcome = tried(privilege.try_denied)
    if wants_html():
        return _page(_journey(), attempted=name, attempt_outcome=outcome)
    return jsonify(service=privilege.use.service, denied=privilege.use.denied.does, outcome=outcome.model_dump())


@identity.app_errorhandler(NotReady)
def show_why(error: NotReady) -> Response:
    """Show the journey in place of a page that needs an access which is missing."""
    part_of_a_page = "HX-Request" in request.headers  # htmx puts the problem in the place of what it asks for
    if request.method != "GET" or part_of_a_page or not (wants_html() and by_port_forward()):
        return answer(error)
    found = _journey()
    response = _page(found, missing=_unexplained(found, error.details.missing or {}))
    response.status_code = 503
    response.headers.update(error.headers)
    return response


def _journey() -> Journey:
    exchanges: list[Exchange] = []
    problem: Failure | None = None
    outcomes = parts().uses.outcomes()
    try:
        exchanges = parts().clients.credential().tokens.exchanges()
    except ValueError as error:  # there is no credential without its variables
        problem = explain(error)
    uses = [(privilege.use, outcomes[name]) for name, privilege in parts().privileges.items()]
    return chain.journey("frontend", parts().access_model, exchanges, uses, problem)


def _unexplained(found: Journey, missing: Mapping[str, str]) -> dict[str, str]:
    """Return what is missing and is no broken link of the journey, so that each error stands on the page once."""
    failures = [found.exchange.failure, *(access.outcome.failure for access in found.accesses)]
    return {name: reason for name, reason in missing.items() if reason not in map(str, failures)}


def _page(found: Journey, **more: Any) -> Response:
    # Without a signing key there is no session, so there is no CSRF token and no button.
    can_try = not isinstance(session, NullSession)
    return make_response(
        render_template("identity.html", layout="base.html", can_try=can_try, **page.context(found), **more)
    )
