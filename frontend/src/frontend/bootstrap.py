"""The composition root: what the frontend consists of, and how it holds together."""

from logging.config import dictConfig

from flask import Flask, Response, jsonify, redirect, url_for
from flask_openapi3.openapi import OpenAPI
from pydantic import ValidationError
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as AnyResponse

from frontend import tracing
from frontend.identity.clients import Clients, connect
from frontend.identity.page import identity
from frontend.identity.readiness import Readiness
from frontend.logs import LOGGING
from frontend.orders.order_reader import OrderStore
from frontend.orders.placing import orders
from frontend.orders.receipt import receipts
from frontend.orders.receipt_reader import ReceiptStore
from frontend.orders.references import References
from frontend.orders.sender import OrderSender
from frontend.parts import Services, csrf
from frontend.settings import Settings, from_environment
from frontend.web import hosts, problems, security_headers, sessions
from frontend.web.health import health
from frontend.web.incoming_request import LONGEST_BODY
from frontend.web.openapi import INFO, SECURITY_SCHEMES, completed
from frontend.web.sessions import Sessions
from frontend.web.signing_keys import SigningKeys


def create_app(settings: Settings | None = None, clients: Clients | None = None) -> Flask:
    """The application. `settings` come from the environment and `clients` from `connect`, where not given."""
    dictConfig(LOGGING)
    settings = settings or from_environment(Settings)
    clients = clients or connect(settings)
    app = OpenAPI(
        "frontend",
        info=INFO,
        doc_ui=False,  # its pages load scripts of their own; the document is served below
        security_schemes=SECURITY_SCHEMES,
        validation_error_status=400,
        validation_error_model=problems.ProblemDetails,
        validation_error_callback=_invalid_parameter,
    )
    app.config.update(
        MAX_CONTENT_LENGTH=LONGEST_BODY,
        SESSION_COOKIE_NAME="keyless",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,  # or a page's polling would write old sessions over a new order's
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]  # declared on Flask's default provider only
    # The gateway ends TLS and says so; the session's cookie is Secure where the browser's connection was.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=0, x_proto=1)  # type: ignore[method-assign]

    def use_keys(keys: list[str]) -> None:
        # In this order: between the two lines every key still verifies.
        app.config["SECRET_KEY_FALLBACKS"] = app.config["WTF_CSRF_SECRET_KEY"] = keys
        app.config["SECRET_KEY"] = keys[-1]

    keys = SigningKeys(clients.secrets, settings.signing_key_refresh_seconds, use_keys)
    store = OrderStore(clients.orders)
    receipt_store = ReceiptStore(clients.receipts, clients.secrets)
    sender = OrderSender(clients.servicebus, settings.orders_queue)
    readiness = Readiness(
        {
            "workload identity": clients.credential,
            "Key Vault: frontend-signing-key": keys.keys,
            "Key Vault: receipt-public-key": receipt_store.check_key,
            "Service Bus": sender.connect,
            "Cosmos DB": store.check,
            "Blob Storage": receipt_store.check_blobs,
        }
    )
    parts = Services(settings, clients, keys, References(keys), sender, store, receipt_store, readiness)
    app.extensions["frontend"] = parts

    app.session_interface = Sessions(keys)
    # With a process's first request and not here: gunicorn may fork after this, and a fork has no threads.
    app.before_request(parts.start)
    tracing.register(app)
    hosts.register(app, settings.allowed_hosts)
    app.before_request(sessions.require_session_to_change)  # before `csrf`, which can't do without the key
    csrf.init_app(app)
    problems.register(app)
    security_headers.register(app)
    app.register_api(orders)
    app.register_api(receipts)
    app.register_blueprint(identity)
    app.register_blueprint(health)
    app.add_url_rule("/", "home", _home)
    document = completed(app.api_doc)
    app.add_url_rule("/openapi.json", "openapi", lambda: jsonify(document))
    return app


def _home() -> AnyResponse:
    return redirect(url_for("orders.list_orders"), 303)


def _invalid_parameter(error: ValidationError) -> Response:
    return problems.answer(problems.Problem(400, None, "A parameter is not valid.", errors=problems.invalid(error)))
