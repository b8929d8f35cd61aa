"""The blueprint of orders. Each view needs a session, so each needs the signing key."""

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from frontend.web.openapi import ERRORS
from frontend.web.sessions import require_session

orders = APIBlueprint(
    "orders",
    __name__,
    abp_tags=[Tag(name="orders")],
    abp_responses={status: ERRORS[status] for status in (400, 408, 413, 414, 431, 503)},
    abp_security=[{}, {"session": []}],
)
orders.before_request(require_session)
