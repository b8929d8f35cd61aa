"""The ceiling of the frontend: a Flask route that validates the same order, answers, and does nothing else."""

from flask import Flask, Response, jsonify, request

from contract import Order


class Nothing:
    """Stands for the parts that gunicorn's settings start and close."""

    def start(self) -> None: ...

    def close(self) -> None: ...


def create_app() -> Flask:
    """Build the application. It is served with the frontend's own settings of gunicorn."""
    app = Flask("noop")
    app.extensions["frontend"] = Nothing()

    @app.post("/orders")
    def place_order() -> tuple[Response, int]:
        order = Order.model_validate_json(request.get_data())
        return jsonify(order.model_dump()), 202

    @app.get("/readyz")
    def readyz() -> Response:
        return jsonify(status="ready")

    return app
