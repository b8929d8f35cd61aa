"""Service Bus over HTTPS, as far as the local cloud has it: a queue's properties and counts, and AMQP over WebSockets.

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
from localcloud.servicebus.actions import READ_QUEUE
from localcloud.servicebus.address import Address
from localcloud.servicebus.broker import Broker
from localcloud.servicebus.errors import traced
from localcloud.servicebus.topics import Subscription, Topic


def servicebus(guard: Guard, broker: Broker) -> Starlette:
    """`GET /{queue}`; anything else is answered with Service Bus' own error."""

    async def get_queue(request: Request) -> Response:
        address = Address.parse(request.path_params["queue"])
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        bearer = token if scheme.lower() == "bearer" else None
        queue = broker.queue(address)
        scope = f"serviceBus/{address.root}" if queue is None else queue.scope
        try:
            claims = guard.authenticate(bearer, READ_QUEUE, scope)
            if queue is None:
                return _error(404, _DETAILS[404], address.entity)
            if isinstance(queue, Topic | Subscription):
                return _error(501, "Topics and subscriptions are not described over HTTPS.", address.entity)
            guard.check(claims, READ_QUEUE, scope)
        except Unauthenticated:
            return _error(401, "claim is empty or token is invalid.", address.entity)
        except Denied:
            return _error(401, "Manage,EntityRead claims required for this operation.", address.entity)
        entry = atom.entry(str(request.url), broker.namespace, queue)
        return Response(entry, media_type="application/atom+xml;type=entry;charset=utf-8")

    async def carry_amqp(socket: WebSocket) -> None:
        await websocket.serve(socket, broker.connect)

    async def on_error(request: Request, exception: Exception) -> Response:
        status = exception.status_code if isinstance(exception, HTTPException) else 500
        return _error(status, _DETAILS.get(status, "The request is not implemented."), request.url.path.strip("/"))

    def _error(status: int, detail: str, entity: str) -> Response:
        text = traced(detail, f"{broker.namespace}:{entity}")
        return Response(atom.error(status, text), status, media_type="application/xml; charset=utf-8")

    return Starlette(
        routes=[
            WebSocketRoute(websocket.PATH, carry_amqp),
            WebSocketRoute(f"{websocket.PATH}/", carry_amqp),
            Route("/{queue:path}", get_queue, methods=["GET"]),
        ],
        exception_handlers={HTTPException: on_error},
    )


_DETAILS = {404: "No service is hosted at the specified address.", 405: "The specified HTTP verb is not supported."}
