"""The `$cbs` node: clients put their tokens here, one for each entity, and new ones before they expire.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide#claims-based-authorization
"""

from localcloud.servicebus import errors
from localcloud.servicebus.amqp.message import Message, encode_reply
from localcloud.servicebus.amqp.types import Int
from localcloud.servicebus.credentials import Credentials, Refused
from localcloud.servicebus.errors import AmqpError
from localcloud.servicebus.limits import LONGEST_AUDIENCE


def put_token(request: Message, credentials: Credentials) -> bytes:
    """Answers a put-token request; raises `AmqpError` if it is none.

    Its `expiration` is not needed: the token says it itself.
    """
    properties = request.application_property_values()
    audience, token = properties.get("name"), request.body_value()
    if properties.get("operation") != "put-token":
        raise AmqpError(errors.NOT_IMPLEMENTED, "$cbs knows one operation: put-token.")
    if not isinstance(audience, str) or not isinstance(token, str):
        raise AmqpError(errors.INVALID_FIELD, "put-token needs a name, and the token as its body.")
    if len(audience) > LONGEST_AUDIENCE:
        raise AmqpError(errors.INVALID_FIELD, f"An audience has {LONGEST_AUDIENCE} characters at most.")
    if properties.get("type") != "jwt":
        return _reply(
            request, 401, "LocalAuthDisabled: Authorization failed because SAS authentication has been disabled."
        )
    try:
        credentials.put(audience, token)
    except Refused as refused:
        return _reply(request, refused.status, refused.reason)
    return _reply(request, 202, "Accepted")


def _reply(request: Message, status: int, description: str) -> bytes:
    answer = {"status-code": Int(status), "status-description": description}
    return encode_reply(request.message_id, answer, None)
