"""The kubelet's probes: `/healthz` for liveness; `/readyz` for readiness, which names each dependency that fails."""

from flask import Blueprint, Response, jsonify

from frontend.parts import parts
from frontend.web.problems import Problem

PATHS = ("/healthz", "/readyz")
"""Each of them is answered by a thread of its own (`gunicorn_worker`)."""

health = Blueprint("health", __name__)


@health.get("/healthz")
def healthz() -> Response:
    return jsonify(status="alive")


@health.get("/readyz")
def readyz() -> Response:
    missing = parts().readiness.missing()
    if missing:
        detail = "; ".join(f"{name}: {reason}" for name, reason in missing.items())
        raise Problem(503, "NotReady", detail, {"Retry-After": "2"}, missing=missing)
    return jsonify(status="ready")
