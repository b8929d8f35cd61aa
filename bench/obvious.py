"""The obvious way: the same route with a credential and a client of its own in each request."""

from flask import Flask, Response, jsonify, request

from bench import noop
from bench.messages import new_message
from contract import Order
from frontend.identity.clients import servicebus_client, workload_identity
from frontend.settings import Settings
from workload.settings import from_environment


def create_app() -> Flask:
    """Build the application. It is served with the frontend's own settings of gunicorn."""
    app = noop.create_app()
    settings = from_environment(Settings)

    def place_order() -> tuple[Response, int]:
        order = Order.model_validate_json(request.get_data())
        with (
            workload_identity() as credential,
            servicebus_client(settings, credential) as client,
            client.get_queue_sender(settings.orders_queue) as sender,
        ):
            sender.send_messages(new_message())
        return jsonify(order.model_dump()), 202

    app.view_functions["place_order"] = place_order
    return app
