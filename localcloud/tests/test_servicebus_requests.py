"""Requests to `$management` and `$cbs` that are wrong: each gets a clear answer, and the connection goes on."""

import logging
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from harness.amqp_wire import Wire, message, reply_properties, request
from harness.servicebus import NAMESPACE, RunningBroker
from localcloud.servicebus.amqp.composites import read
from localcloud.servicebus.amqp.performatives import Disposition, Rejected, Transfer
from localcloud.servicebus.amqp.types import Array, Described, Int, ULong


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    running = RunningBroker(tmp_path_factory.mktemp("requests"), {"plain": {}})
    yield running
    running.close()


@pytest.fixture
def wire(broker: RunningBroker, caplog: pytest.LogCaptureFixture) -> Iterator[Wire]:
    one = Wire(broker)
    with caplog.at_level(logging.ERROR):
        yield one
    one.close()
    assert caplog.get_records("call") == []


PEEK, RENEW = "com.microsoft:peek-message", "com.microsoft:renew-lock"
SETTLE, DEFERRED = "com.microsoft:update-disposition", "com.microsoft:receive-by-sequence-number"
SCHEDULE, CANCEL = "com.microsoft:schedule-message", "com.microsoft:cancel-scheduled-message"
LOCK_LOST, NOT_FOUND = "com.microsoft:message-lock-lost", "com.microsoft:message-not-found"
UNKNOWN_LOCK = Array(0x98, [uuid.UUID(int=1)])


@pytest.mark.parametrize(
    ("operation", "body", "status", "condition"),
    [
        (None, {}, 501, "amqp:not-implemented"),
        ("com.microsoft:get-session-state", {}, 400, "amqp:invalid-field"),
        ("com.microsoft:entity-mgmt", {}, 501, "amqp:not-implemented"),
        (PEEK, None, 400, "amqp:invalid-field"),
        (PEEK, {}, 400, "amqp:invalid-field"),
        (PEEK, {"from-sequence-number": "1", "message-count": 1}, 400, "amqp:invalid-field"),
        (PEEK, {"from-sequence-number": ULong(2**64 - 1), "message-count": 1}, 400, "amqp:invalid-field"),
        (PEEK, {"from-sequence-number": 1, "message-count": Int(-5)}, 204, None),
        (RENEW, {"lock-tokens": []}, 400, "amqp:invalid-field"),
        (RENEW, {"lock-tokens": ["no uuid"]}, 400, "amqp:invalid-field"),
        (RENEW, {"lock-tokens": UNKNOWN_LOCK}, 410, LOCK_LOST),
        (SETTLE, {"lock-tokens": UNKNOWN_LOCK, "disposition-status": "lost"}, 400, "amqp:invalid-field"),
        (
            SETTLE,
            {"lock-tokens": UNKNOWN_LOCK, "disposition-status": "completed"},
            410,
            LOCK_LOST,
        ),
        (
            DEFERRED,
            {"sequence-numbers": Array(0x81, [7]), "receiver-settle-mode": 1},
            404,
            NOT_FOUND,
        ),
        (SCHEDULE, {"messages": [{"message": b"none"}]}, 400, "amqp:decode-error"),
        (CANCEL, {"sequence-numbers": Array(0x80, [2**64 - 1])}, 400, "amqp:invalid-field"),
        (CANCEL, {"sequence-numbers": Array(0x81, [7])}, 404, NOT_FOUND),
    ],
)
def test_a_request_gets_a_clear_answer(
    wire: Wire, operation: str | None, body: Any, status: int, condition: str | None
) -> None:
    """Status, condition and a sentence; nothing is done."""
    wire.ready()
    wire.attach(0, "plain/$management", receive=False)
    wire.attach(1, "plain/$management", receive=True, reply_to="r")
    wire.credit(1, 1)
    wire.send(Transfer(0, 1, b"1", 0, True), request({"operation": operation}, body, "r"))
    wire.expect(Transfer)
    answer = reply_properties(wire.last_payload)
    assert (answer["statusCode"], answer.get("errorCondition")) == (status, condition)
    assert answer["statusDescription"]


@pytest.mark.parametrize("token", ["", "a.b.c", "é", "....", "eyJhbGciOiJub25lIn0.e30.", "\x00", "a" * 5000])
def test_a_token_that_is_none_is_refused(wire: Wire, token: str) -> None:
    """Whatever string is shown, the answer is a 401 that does not repeat it."""
    wire.open()
    wire.begin()
    wire.attach(0, "$cbs", receive=False)
    wire.attach(1, "$cbs", receive=True, reply_to="r")
    wire.credit(1, 1)
    properties = {"operation": "put-token", "type": "jwt", "name": f"sb://{NAMESPACE}/plain"}
    wire.send(Transfer(0, 0, b"", 0, True), request(properties, token, "r"))
    wire.expect(Transfer)
    answer = reply_properties(wire.last_payload)
    assert answer["status-code"] == 401
    assert not token or token not in answer["status-description"]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        message(),
        request({"operation": "put-token", "type": "jwt"}, "token", "r"),
        request({"operation": "delete-token", "type": "jwt", "name": "x"}, "token", "r"),
        request({"operation": "put-token", "type": "jwt", "name": "x"}, Described(ULong(1), [{}]), "r"),
    ],
)
def test_what_is_no_put_token_is_rejected(wire: Wire, payload: bytes) -> None:
    """The transfer is rejected with the reason, and a good one after it is taken."""
    wire.open()
    wire.begin()
    wire.attach(0, "$cbs", receive=False)
    wire.attach(1, "$cbs", receive=True, reply_to="r")
    wire.send(Transfer(0, 0, b"", 0, False), payload)
    assert isinstance(read(wire.expect(Disposition).state), Rejected)
    assert wire.put_token()["status-code"] == 202
