"""The `$management` node of a queue: what is asked about messages beside the links that carry them.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response
"""

import math
import uuid
from collections.abc import Callable, Mapping

from localcloud.servicebus import errors
from localcloud.servicebus.actions import RECEIVE, SEND
from localcloud.servicebus.amqp.decoder import DecodeError
from localcloud.servicebus.amqp.message import Message, encode_reply
from localcloud.servicebus.amqp.types import Array, Int, Symbol, Timestamp, Value
from localcloud.servicebus.credentials import Credentials
from localcloud.servicebus.errors import AmqpError
from localcloud.servicebus.queue import Queue
from localcloud.servicebus.quotas import MESSAGE_SIZE
from localcloud.servicebus.requests import NO_CONTENT, Asked, Body, field, list_of, lock_tokens
from localcloud.servicebus.rule_operations import add_rule, enumerate_rules, remove_rule

_LONG, _TIMESTAMP, _STRING = 0x81, 0x83, 0xB1  # format codes of arrays
_SESSIONS = 100  # in one answer


def answer(request: Message, queue: Queue, credentials: Credentials) -> bytes:
    """The reply to a request: its status is 200, or 204 if nothing was found, or an error's."""
    try:
        body = _perform(request, queue, credentials)
    except AmqpError as error:
        return _reply(request, error.status, error.description, Symbol(error.condition), None)
    if body is NO_CONTENT:
        return _reply(request, 204, "There are no messages.", None, None)
    return _reply(request, 200, "OK", None, body)


def _perform(request: Message, queue: Queue, credentials: Credentials) -> Body:
    try:
        operation, body = request.application_property_values().get("operation"), request.body_value()
    except DecodeError as error:
        raise AmqpError(errors.DECODE_ERROR, str(error)) from error
    if operation not in OPERATIONS:
        raise AmqpError(errors.NOT_IMPLEMENTED, f"The operation '{operation}' is not implemented.")
    action, perform = OPERATIONS[operation]
    credentials.require(action, queue)
    if not isinstance(body, dict):
        raise AmqpError(errors.INVALID_FIELD, "The body of a request is a map.")
    if not (queue.can_send if action == SEND else queue.holds_messages):
        raise AmqpError(errors.NOT_ALLOWED, f"The operation '{operation}' is not for '{queue.name}'.")
    return perform(Asked(queue, credentials, body))


def _reply(request: Message, status: int, description: str, condition: Symbol | None, body: Body | None) -> bytes:
    answer: dict[str, Value] = {"statusCode": Int(status), "statusDescription": description}
    if condition is not None:
        answer["errorCondition"] = condition
    return encode_reply(request.message_id, answer, body)


def _renew_lock(asked: Asked) -> Body:
    tokens = lock_tokens(asked.body)
    until = Timestamp.at(asked.queue.renew(tokens))
    return {"expirations": Array(_TIMESTAMP, [until] * len(tokens))}


def _peek(asked: Asked) -> Body:
    first, most = field(int, asked.body, "from-sequence-number"), field(int, asked.body, "message-count")
    messages: list[Value] = []
    size = 0
    for message in asked.queue.peek(first, most, asked.session_id):
        size += len(message)
        if messages and size > MESSAGE_SIZE:
            break
        messages.append({"message": message})
    return {"messages": messages} if messages else NO_CONTENT


def _update_disposition(asked: Asked) -> Body:
    queue, body = asked.queue, asked.body
    asked.require_session()
    status = field(str, body, "disposition-status")
    properties = body.get("properties-to-modify") or {}
    if not isinstance(properties, dict):
        raise AmqpError(errors.INVALID_FIELD, "properties-to-modify is a map.")
    for token in lock_tokens(body):
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


def _receive_by_sequence_number(asked: Asked) -> Body:
    asked.require_session()
    lock = bool(field(int, asked.body, "receiver-settle-mode"))  # 0 receives and deletes, 1 locks
    numbers = list_of(int, asked.body, "sequence-numbers")
    deliveries = asked.queue.receive_deferred(numbers, lock, asked.session_id)
    return {"messages": [{"message": d.message, "lock-token": d.lock_token or uuid.uuid4()} for d in deliveries]}


def _schedule(asked: Asked) -> Body:
    """A repeated message id is dropped here too; its place in the answer is taken by 0."""
    entries = list_of(dict, asked.body, "messages")
    try:
        messages = [Message.parse(field(bytes, entry, "message")) for entry in entries]
    except DecodeError as error:
        raise AmqpError(errors.DECODE_ERROR, str(error)) from error
    return {"sequence-numbers": Array(_LONG, [number or 0 for number in asked.queue.enqueue_all(messages)])}


def _cancel_scheduled(asked: Asked) -> Body:
    asked.queue.cancel(list_of(int, asked.body, "sequence-numbers"))
    return {}


def _renew_session_lock(asked: Asked) -> Body:
    return {"expiration": Timestamp.at(asked.queue.renew_session(asked.session))}


def _get_session_state(asked: Asked) -> Body:
    return {"session-state": asked.queue.session_state(asked.session)}


def _set_session_state(asked: Asked) -> Body:
    state = asked.body.get("session-state")
    asked.queue.set_session_state(asked.session, None if state is None else field(bytes, asked.body, "session-state"))
    return {}


def _get_message_sessions(asked: Asked) -> Body:
    """Sessions whose state was set since a time; for the end of all time, those that have messages.

    https://learn.microsoft.com/dotnet/api/microsoft.servicebus.messaging.queueclient.getmessagesessions
    """
    since = field(Timestamp, asked.body, "last-updated-time")
    skip, top = field(int, asked.body, "skip"), field(int, asked.body, "top")
    if skip < 0 or top < 0:
        raise AmqpError(errors.INVALID_FIELD, "skip and top are not negative.")
    ids = asked.queue.session_ids(None if since >= Timestamp.at(math.inf) else since / 1000)
    found = ids[skip : skip + min(top, _SESSIONS)]
    return {"skip": Int(skip + len(found)), "sessions-ids": Array(_STRING, found)} if found else NO_CONTENT


OPERATIONS: Mapping[Value, tuple[str, Callable[[Asked], Body]]] = {
    "com.microsoft:renew-lock": (RECEIVE, _renew_lock),
    "com.microsoft:peek-message": (RECEIVE, _peek),
    "com.microsoft:update-disposition": (RECEIVE, _update_disposition),
    "com.microsoft:receive-by-sequence-number": (RECEIVE, _receive_by_sequence_number),
    "com.microsoft:schedule-message": (SEND, _schedule),
    "com.microsoft:cancel-scheduled-message": (SEND, _cancel_scheduled),
    "com.microsoft:renew-session-lock": (RECEIVE, _renew_session_lock),
    "com.microsoft:get-session-state": (RECEIVE, _get_session_state),
    "com.microsoft:set-session-state": (RECEIVE, _set_session_state),
    "com.microsoft:get-message-sessions": (RECEIVE, _get_message_sessions),
    "com.microsoft:add-rule": (RECEIVE, add_rule),
    "com.microsoft:remove-rule": (RECEIVE, remove_rule),
    "com.microsoft:enumerate-rules": (RECEIVE, enumerate_rules),
}


def _reason(body: Body) -> Body:
    given = {
        "DeadLetterReason": body.get("deadletter-reason"),
        "DeadLetterErrorDescription": body.get("deadletter-description"),
    }
    return {key: value for key, value in given.items() if isinstance(value, str)}
