"""`/healthz`: the process answers. `/readyz`: everything it needs answers too, or what is missing, and why."""

from flask import Blueprint, Response, jsonify, make_response

from frontend.parts import services
from frontend.web.problems import Problem

PATHS = ("/healthz", "/readyz")
"""Each is answered by a thread of its own (`gunicorn_worker`)."""

health = Blueprint("health", __name__)


@health.get("/healthz")
def healthz() -> Response:
    return jsonify(status="alive")


@health.get("/readyz")
def readyz() -> Response:
    missing = services().readiness.missing()
    if missing:
        detail = "; ".join(f"{name}: {reason}" for name, reason in missing.items())
        raise Problem(503, "NotReady", detail, {"Retry-After": "2"}, missing=missing)
    return make_response(jsonify(status="ready"))
