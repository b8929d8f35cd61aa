"""The kubelet's probes: `/healthz` for liveness; `/readyz` for readiness, which names each dependency that fails."""

from flask import Blueprint, Response, jsonify

from frontend.parts import parts
from frontend.web.problems import NotReady
from workload.readiness import unready_sentence

PATHS = ("/healthz", "/readyz")
"""Each of them is answered by a thread of its own (`gunicorn_worker`)."""

health = Blueprint("health", __name__)


@health.get("/healthz")
def healthz() -> Response:
    return jsonify(status="alive")


@health.get("/readyz")
def readyz() -> Response:
    require_ready()
    return jsonify(status="ready")


def require_ready() -> None:
    """Raise the problem 503 `NotReady` if a dependency fails."""
    if missing := parts().readiness.missing():
        raise NotReady("NotReady", unready_sentence(missing), missing)
