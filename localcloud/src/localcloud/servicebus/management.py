"""The `$management` node of a queue: what is asked about messages beside the links that carry them.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response
"""

import uuid
from collections.abc import Callable, Mapping
from typing import TypeVar

from localcloud.servicebus import errors
from localcloud.servicebus.actions import RECEIVE, SEND
from localcloud.servicebus.amqp.decoder import DecodeError
from localcloud.servicebus.amqp.message import Message, encode_reply
from localcloud.servicebus.amqp.types import Array, Int, Symbol, Timestamp, Value
from localcloud.servicebus.credentials import Credentials
from localcloud.servicebus.errors import AmqpError
from localcloud.servicebus.queue import Queue
from localcloud.servicebus.quotas import MESSAGE_SIZE

Body = dict[Value, Value]
T = TypeVar("T")

_LONG, _TIMESTAMP = 0x81, 0x83  # format codes of arrays
_NO_CONTENT: Body = {}


def answer(request: Message, queue: Queue, credentials: Credentials) -> bytes:
    """The reply to a request: its status is 200, or 204 where nothing was found, or an error's."""
    try:
        body = _perform(request, queue, credentials)
    except AmqpError as error:
        return _reply(request, error.status, error.description, Symbol(error.condition), None)
    if body is _NO_CONTENT:
        return _reply(request, 204, "There are no messages.", None, None)
    return _reply(request, 200, "OK", None, body)


def _perform(request: Message, queue: Queue, credentials: Credentials) -> Body:
    try:
        operation, body = request.application_property_values().get("operation"), request.body_value()
    except DecodeError as error:
        raise AmqpError(errors.DECODE_ERROR, str(error)) from error
    if operation not in _OPERATIONS:
        raise AmqpError(errors.NOT_IMPLEMENTED, f"The operation '{operation}' is not implemented.")
    action, perform = _OPERATIONS[operation]
    credentials.require(action, queue)
    if not isinstance(body, dict):
        raise AmqpError(errors.INVALID_FIELD, "The body of a request is a map.")
    return perform(queue, body)


def _reply(request: Message, status: int, description: str, condition: Symbol | None, body: Body | None) -> bytes:
    answer: dict[str, Value] = {"statusCode": Int(status), "statusDescription": description}
    if condition is not None:
        answer["errorCondition"] = condition
    return encode_reply(request.message_id, answer, body)


def _renew_lock(queue: Queue, body: Body) -> Body:
    tokens = _list_of(uuid.UUID, body, "lock-tokens")
    until = Timestamp.at(queue.renew(tokens))
    return {"expirations": Array(_TIMESTAMP, [until] * len(tokens))}


def _peek(queue: Queue, body: Body) -> Body:
    found = queue.peek(_field(int, body, "from-sequence-number"), _field(int, body, "message-count"))
    messages: list[Value] = []
    size = 0
    for message in found:
        size += len(message)
        if messages and size > MESSAGE_SIZE:
            break
        messages.append({"message": message})
    return {"messages": messages} if messages else _NO_CONTENT


def _update_disposition(queue: Queue, body: Body) -> Body:
    status = _field(str, body, "disposition-status")
    properties = body.get("properties-to-modify") or {}
    if not isinstance(properties, dict):
        raise AmqpError(errors.INVALID_FIELD, "properties-to-modify is a map.")
    for token in _list_of(uuid.UUID, body, "lock-tokens"):
        if status == "completed":
            queue.complete(token)
        elif status == "abandoned":
            queue.abandon(token, properties)
        elif status == "defered":  # Service Bus' own spelling
            queue.defer(token, properties)
        elif status == "suspended":
            queue.dead_letter(token, properties | _reason(body))
        else:
            raise AmqpError(errors.INVALID_FIELD, f"There is no disposition status '{status}'.")
    return {}


def _receive_by_sequence_number(queue: Queue, body: Body) -> Body:
    lock = bool(_field(int, body, "receiver-settle-mode"))  # 0 receives and deletes, 1 locks
    deliveries = queue.receive_deferred(_list_of(int, body, "sequence-numbers"), lock)
    return {"messages": [{"message": d.message, "lock-token": d.lock_token or uuid.uuid4()} for d in deliveries]}


def _schedule(queue: Queue, body: Body) -> Body:
    """A repeated message id is dropped here too; its place in the answer is taken by 0."""
    entries = _list_of(dict, body, "messages")
    try:
        messages = [Message.parse(_field(bytes, entry, "message")) for entry in entries]
    except DecodeError as error:
        raise AmqpError(errors.DECODE_ERROR, str(error)) from error
    return {"sequence-numbers": Array(_LONG, [number or 0 for number in queue.enqueue_all(messages)])}


def _cancel_scheduled(queue: Queue, body: Body) -> Body:
    queue.cancel(_list_of(int, body, "sequence-numbers"))
    return {}


_OPERATIONS: Mapping[Value, tuple[str, Callable[[Queue, Body], Body]]] = {
    "com.microsoft:renew-lock": (RECEIVE, _renew_lock),
    "com.microsoft:peek-message": (RECEIVE, _peek),
    "com.microsoft:update-disposition": (RECEIVE, _update_disposition),
    "com.microsoft:receive-by-sequence-number": (RECEIVE, _receive_by_sequence_number),
    "com.microsoft:schedule-message": (SEND, _schedule),
    "com.microsoft:cancel-scheduled-message": (SEND, _cancel_scheduled),
}


def _reason(body: Body) -> Body:
    given = {
        "DeadLetterReason": body.get("deadletter-reason"),
        "DeadLetterErrorDescription": body.get("deadletter-description"),
    }
    return {key: value for key, value in given.items() if isinstance(value, str)}


def _field(kind: type[T], body: Body, name: str) -> T:
    value: object = body.get(name)
    if isinstance(value, kind) and _fits(value):
        return value
    raise AmqpError(errors.INVALID_FIELD, f"The request lacks {name}, or it is of the wrong type.")


def _list_of(kind: type[T], body: Body, name: str) -> list[T]:
    values = _field(list, body, name)
    if not values or not all(isinstance(value, kind) and _fits(value) for value in values):
        raise AmqpError(errors.INVALID_FIELD, f"{name} holds nothing, or values of the wrong type.")
    return values


def _fits(value: object) -> bool:
    """Whether a number is one that a sequence number could be: AMQP has larger ones."""
    return not isinstance(value, int) or -(2**63) <= value < 2**63
