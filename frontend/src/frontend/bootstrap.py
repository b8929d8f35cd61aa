"""Build the frontend. `gunicorn_conf` starts it in each worker, and closes it at the worker's end."""

from contextlib import ExitStack
from functools import partial
from importlib.resources import files

from flask import Flask, jsonify, redirect, url_for
from flask_openapi3.openapi import OpenAPI
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from frontend.identity.checks import Checks
from frontend.identity.lazy_clients import LazyClients
from frontend.identity.page import identity
from frontend.identity.privileges import privileges
from frontend.orders.order_reader import OrderReader
from frontend.orders.receipt_reader import ReceiptReader
from frontend.orders.references import References
from frontend.orders.sender import OrderSender
from frontend.orders.views import orders as orders_blueprint
from frontend.parts import Parts
from frontend.server.incoming_request import LONGEST_BODY
from frontend.settings import LOG_LEVELS, Settings
from frontend.web import forgery, hosts, openapi, problems, security_headers, tracing
from frontend.web.health import health, require_ready
from frontend.web.representations import wants_html
from frontend.web.sessions import Sessions, sign_with
from frontend.web.signing_keys import SigningKeys
from workload.journey.access_model import AccessModel
from workload.logs import configure_logging
from workload.settings import from_environment


def create_app(settings: Settings | None = None, clients: LazyClients | None = None) -> Flask:
    """Build the application. No thread starts here, and no call leaves the process.

    The settings come from the environment by default. Raises `InvalidEnvironment`.
    """
    configure_logging(LOG_LEVELS)
    settings = settings or from_environment(Settings)
    app = _web(settings.allowed_hosts)
    opened = ExitStack()
    clients = clients or LazyClients(settings)
    opened.callback(clients.close)
    sender = OrderSender(clients.servicebus, settings.orders_queue)
    opened.callback(sender.close)
    orders = OrderReader(clients.orders)
    receipts = ReceiptReader(clients.receipts, clients.secrets)
    keys = SigningKeys(clients.secrets, settings.signing_key_refresh_seconds, partial(sign_with, app))
    app.session_interface = Sessions(keys)
    readiness = Checks(
        {
            "workload identity": clients.credential,
            "Key Vault: frontend-signing-key": keys.current,
            "Key Vault: receipt-public-key": receipts.check_key,
            "Service Bus": sender.connect,
            "Cosmos DB": orders.check,
            "Blob Storage": receipts.check_blobs,
        }
    )
    opened.callback(readiness.close)
    allowed = privileges(clients, settings.orders_queue, sender, orders)
    uses = Checks({name: privilege.do for name, privilege in allowed.items()}, kept=0, patience=5)
    opened.callback(uses.close)
    app.extensions["frontend"] = Parts(
        settings=settings,
        clients=clients,
        keys=keys,
        references=References(keys),
        sender=sender,
        orders=orders,
        receipts=receipts,
        readiness=readiness,
        privileges=allowed,
        uses=uses,
        access_model=AccessModel(files("contract") / "access.yaml"),
        opened=opened,
    )
    return app


def _web(allowed_hosts: frozenset[str]) -> Flask:
    """Build the Flask application. The functions that see each request run in the order of their registration."""
    app = OpenAPI("frontend", **openapi.OPTIONS)
    app.config.update(
        MAX_CONTENT_LENGTH=LONGEST_BODY,
        SESSION_COOKIE_NAME="keyless",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,  # or a page's polling would write old sessions over a new order's
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]  # declared on Flask's default provider only
    # The gateway ends TLS and says so. The session's cookie is Secure if the browser came over https.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=0, x_proto=1)  # type: ignore[method-assign]
    tracing.register(app)
    hosts.register(app, allowed_hosts)
    forgery.register(app)
    problems.register(app)
    security_headers.register(app)
    app.register_api(orders_blueprint)
    app.register_blueprint(identity)
    app.register_blueprint(health)
    app.add_url_rule("/", "home", _home)
    document = openapi.completed(app.api_doc)
    app.add_url_rule("/openapi.json", "openapi", lambda: jsonify(document))
    return app


def _home() -> Response:
    """Lead to the orders. If the frontend is not ready, a browser that comes by port-forward is shown why."""
    if wants_html() and hosts.by_port_forward():
        require_ready()
    return redirect(url_for("orders.list_orders"), 303)
