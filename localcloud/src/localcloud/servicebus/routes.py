"""Service Bus over HTTPS: what the administration client reads, and AMQP over WebSockets.

https://learn.microsoft.com/rest/api/servicebus/get-entity
"""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from localcloud.authorization.guard import Denied, Guard, Unauthenticated
from localcloud.servicebus import atom, websocket
from localcloud.servicebus.administration import PART, Listing, question
from localcloud.servicebus.broker import Broker
from localcloud.servicebus.errors import traced


def servicebus(guard: Guard, broker: Broker) -> Starlette:
    """`GET /{path}`; anything else is answered with Service Bus' own error."""

    async def read(request: Request) -> Response:
        path = request.path_params["path"]
        scheme, _, token = request.headers.get("Authorization", "").rpartition(" ")
        bearer = token if scheme.lower() in ("bearer", "") else None  # Java's client sends the token without a scheme
        asked = question(broker, path)
        try:
            claims = guard.authenticate(bearer, asked.action, asked.scope)
            answer = asked.answer()
            if answer is None:
                return _error(404, _DETAILS[404], path)
            guard.check(claims, asked.action, asked.scope)
        except Unauthenticated:
            return _error(401, "claim is empty or token is invalid.", path)
        except Denied:
            return _error(401, "Manage,EntityRead claims required for this operation.", path)
        if not isinstance(answer, Listing):
            return Response(atom.entry(broker.namespace, answer), media_type=_MEDIA_TYPE.format("entry"))
        try:
            first, most = (int(request.query_params.get(*each)) for each in (("$skip", "0"), ("$top", str(PART))))
        except ValueError:
            first = most = -1
        if first < 0 or most < 0:
            return _error(400, "$skip and $top are whole numbers, and not negative.", path)
        return _part(answer, request, first, min(most, PART))

    def _part(listing: Listing, request: Request, first: int, most: int) -> Response:
        behind = first + most
        rest = request.url.include_query_params(**{"$skip": behind, "$top": most}) if most else None
        following = str(rest) if rest is not None and behind < len(listing.entries) else None
        entries = listing.entries[first:behind]
        document = atom.feed(str(request.url), listing.title, broker.namespace, entries, following)
        return Response(document, media_type=_MEDIA_TYPE.format("feed"))

    async def carry_amqp(socket: WebSocket) -> None:
        await websocket.serve(socket, broker.connect)

    async def on_error(request: Request, exception: Exception) -> Response:
        status = exception.status_code if isinstance(exception, HTTPException) else 500
        return _error(status, _DETAILS.get(status, "The request is not implemented."), request.url.path)

    def _error(status: int, detail: str, path: str) -> Response:
        text = traced(detail, f"{broker.namespace}:{path.strip('/')}")
        return Response(atom.error(status, text), status, media_type="application/xml; charset=utf-8")

    return Starlette(
        routes=[
            WebSocketRoute(websocket.PATH, carry_amqp),
            WebSocketRoute(f"{websocket.PATH}/", carry_amqp),
            Route("/{path:path}", read, methods=["GET"]),
        ],
        exception_handlers={HTTPException: on_error},
    )


_MEDIA_TYPE = "application/atom+xml;type={};charset=utf-8"
_DETAILS = {404: "No service is hosted at the specified address.", 405: "The specified HTTP verb is not supported."}
