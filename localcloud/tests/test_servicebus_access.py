"""Who may do what on a queue: at attach, for each message, and the moment that a grant is taken away."""

from collections.abc import Iterator
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.exceptions import (
    ServiceBusAuthorizationError,
    ServiceBusConnectionError,
)
from harness.amqp_wire import Wire, message, reply_properties, request
from harness.servicebus import NAMESPACE, Credential, RunningBroker, access_model, one_of
from localcloud.servicebus.actions import RECEIVE, SEND
from localcloud.servicebus.amqp.composites import read
from localcloud.servicebus.amqp.performatives import Detach, Disposition, Flow, Rejected, Transfer

QUEUES: dict[str, dict[str, Any]] = {"jobs": {}, "Mixed": {}, "revoked": {}}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    running = RunningBroker(tmp_path_factory.mktemp("access"), QUEUES)
    yield running
    running.close()


@pytest.fixture
def wire(broker: RunningBroker) -> Iterator[Wire]:
    one = Wire(broker)
    yield one
    one.close()


def error_of(received: Any) -> Any:
    return read(received.error)


def test_a_receiver_may_not_send(broker: RunningBroker) -> None:
    """The SDK's own error, with Service Bus' own words in it."""
    with pytest.raises(ServiceBusAuthorizationError, match=r"'Send' claim\(s\) are required to perform this operation"):
        broker.sender("jobs", "receiver").send_messages(ServiceBusMessage("no"))


def test_a_sender_may_neither_receive_nor_peek(broker: RunningBroker) -> None:
    """Sending says nothing about what others sent."""
    receiver = broker.receiver("jobs", "sender")
    with pytest.raises(ServiceBusAuthorizationError, match=r"'Listen' claim\(s\) are required"):
        receiver.receive_messages(max_wait_time=1)
    with pytest.raises(ServiceBusAuthorizationError, match=r"'Listen' claim\(s\) are required"):
        broker.receiver("jobs", "sender").peek_messages()


def test_who_holds_the_right_may(broker: RunningBroker) -> None:
    """One sends and cannot receive, the other receives and cannot send: the message gets across."""
    broker.sender("jobs", "sender").send_messages(ServiceBusMessage("across"))
    receiver = broker.receiver("jobs", "receiver")
    message = one_of(receiver)
    assert str(message) == "across"
    receiver.complete_message(message)


def test_the_dead_letter_queue_has_its_queues_access(wire: Wire) -> None:
    """Its name compares without case, and the right is the queue's."""
    wire.ready("receiver")
    assert wire.attach(0, "MIXED/$DEADLETTERQUEUE", receive=True).source is not None


@pytest.mark.parametrize(
    ("address", "receive", "workload", "condition"),
    [
        ("jobs", False, "receiver", "amqp:unauthorized-access"),
        ("jobs", True, "sender", "amqp:unauthorized-access"),
        ("jobs/$DeadLetterQueue", True, "sender", "amqp:unauthorized-access"),
        ("jobs", True, "nobody", "amqp:unauthorized-access"),
        ("nowhere", True, "both", "amqp:not-found"),
        ("nowhere/$management", True, "both", "amqp:not-found"),
        ("jobs/$other", True, "both", "amqp:not-found"),
        ("", False, "both", "amqp:not-found"),
    ],
)
def test_a_link_is_refused_with_its_reason(
    wire: Wire, address: str, receive: bool, workload: str, condition: str
) -> None:
    """Attached without a terminus, then detached."""
    wire.ready(workload)
    assert wire.attach(0, address, receive=receive).source is None
    refused = error_of(wire.expect(Detach))
    assert refused.condition == condition
    if condition == "amqp:unauthorized-access":
        claim = "Listen" if receive else "Send"
        assert f"Unauthorized access. '{claim}' claim(s) are required to perform this operation." in refused.description


@pytest.mark.parametrize("address", ["jobs", "jobs/$management", "nowhere"])
def test_without_a_token_nothing_is_said(wire: Wire, address: str) -> None:
    """Not even whether the queue exists."""
    wire.open()
    wire.begin()
    wire.attach(0, address, receive=True)
    assert error_of(wire.expect(Detach)).condition == "amqp:unauthorized-access"


def test_a_token_holds_for_the_entity_it_was_shown_for(wire: Wire) -> None:
    """And for what is below it, in whatever spelling; not for the next queue."""
    wire.open()
    wire.begin()
    wire.put_token(name=f"amqps://{NAMESPACE.upper()}:5671//JOBS/")
    for handle, address in enumerate(("jobs", "Jobs/$DeadLetterQueue", "jobs/$management")):
        assert wire.attach(handle, address, receive=True).source is not None
    wire.attach(9, "mixed", receive=True)
    assert error_of(wire.expect(Detach)).condition == "amqp:unauthorized-access"


@pytest.mark.parametrize(
    "name",
    [
        "sb://other.servicebus.windows.net/jobs",
        "amqps://other.servicebus.windows.net:5671//jobs/",
        f"sb://{NAMESPACE}.example.com/jobs",
        f"sb://{NAMESPACE}@other.servicebus.windows.net/jobs",
        f"sb://{NAMESPACE.partition('.')[0]}.servicebus.chinacloudapi.cn/jobs",
        f"sb://{NAMESPACE}\\@other/jobs",
        "sb:///jobs",
        "sb://[::1/jobs",
    ],
)
def test_a_token_for_another_namespace_opens_nothing(wire: Wire, broker: RunningBroker, name: str) -> None:
    """A good token that is put for another namespace's queue is refused as Service Bus does, and is in the trail."""
    before = len(broker.trail())
    wire.open()
    wire.begin()
    answer = wire.put_token(name=name)
    assert answer["status-code"] == 401
    assert answer["status-description"] == (
        "InvalidAudience: The authorization header contains a token with a wrong audience."
    )
    (line,) = broker.trail()[before:]
    assert (line["workload"], line["action"], line["allowed"]) == ("both", "put-token", False)
    wire.attach(0, "jobs", receive=True)
    assert error_of(wire.expect(Detach)).condition == "amqp:unauthorized-access"


@pytest.mark.parametrize("name", ["jobs", "sb://localhost/jobs", "amqp://127.0.0.1:5671/jobs", "sb://[::1]/jobs"])
def test_a_token_is_taken_under_the_address_that_was_dialled(wire: Wire, name: str) -> None:
    """A path alone is the queue's, and a client that knows the local cloud by its address writes that."""
    wire.open()
    wire.begin()
    assert wire.put_token(name=name)["status-code"] == 202
    assert wire.attach(0, "jobs", receive=True).source is not None


@pytest.mark.parametrize(
    ("of_token", "said"),
    [
        ({"audience": "https://vault.azure.net"}, "the audience is 'https://vault.azure.net'"),
        ({"issuer": "https://sts.windows.net/other/"}, "the issuer"),
        ({"now": 10**9}, "expired"),
    ],
)
def test_a_token_that_is_not_good_is_refused(wire: Wire, of_token: dict[str, Any], said: str) -> None:
    """With status 401 and the reason, which quotes no token."""
    wire.open()
    wire.begin()
    answer = wire.put_token(**of_token)
    assert answer["status-code"] == 401
    assert said in answer["status-description"]
    assert "eyJ" not in answer["status-description"]
    wire.attach(0, "jobs", receive=True)
    assert error_of(wire.expect(Detach)).condition == "amqp:unauthorized-access"


def test_a_key_is_refused_as_a_namespace_without_local_auth_does(wire: Wire) -> None:
    """There are no shared access signatures here."""
    wire.open()
    wire.begin()
    wire.attach(0, "$cbs", receive=False)
    wire.attach(1, "$cbs", receive=True, reply_to="r")
    wire.credit(1, 1)
    properties = {"operation": "put-token", "type": "servicebus.windows.net:sastoken", "name": "sb://x/jobs"}
    wire.send(Transfer(0, 0, b"", 0, True), request(properties, "SharedAccessSignature sr=x", "r"))
    wire.expect(Transfer)
    answer = reply_properties(wire.last_payload)
    assert answer["status-code"] == 401
    assert answer["status-description"].startswith("LocalAuthDisabled")


def test_the_sdk_says_that_its_token_was_refused(broker: RunningBroker) -> None:
    """A token for Key Vault opens no queue; the SDK's error for it is a connection's."""
    credential = Credential("both", audience="https://vault.azure.net")
    sender = broker.sender("jobs", credential=credential)
    with pytest.raises(ServiceBusConnectionError):
        sender.send_messages(ServiceBusMessage("no"))


def test_the_sdk_says_that_its_namespace_is_another(broker: RunningBroker) -> None:
    """A client that is set up for another namespace, and led here, is refused before it sends."""
    other = ServiceBusClient("other.servicebus.windows.net", Credential("both"), retry_total=0, **broker._connection())
    with other, pytest.raises(ServiceBusConnectionError), other.get_queue_sender("jobs") as sender:
        sender.send_messages(ServiceBusMessage("no"))
    assert broker.trail()[-1]["reason"].endswith("which is another namespace's")


def test_the_sdk_says_that_a_queue_does_not_exist(broker: RunningBroker) -> None:
    """At put-token, as Azure does; this SDK has no error of its own for it there."""
    with pytest.raises(ServiceBusConnectionError, match="amqp:client-error"):
        broker.sender("nowhere").send_messages(ServiceBusMessage("no"))


def test_a_grant_taken_away_counts_at_once(broker: RunningBroker, wire: Wire) -> None:
    """On links that are attached already: the next message is rejected, the next delivery and request refused."""
    try:
        wire.ready("both")
        wire.attach(0, "revoked", receive=False)
        wire.attach(1, "revoked", receive=True)
        wire.attach(2, "revoked/$management", receive=False)
        wire.attach(3, "revoked/$management", receive=True, reply_to="r")
        wire.credit(3, 5)
        wire.send(Transfer(0, 1, b"1", 0, False), message())
        assert wire.expect(Disposition).first == 1
        broker.model = access_model(QUEUES, both=[])
        wire.send(Transfer(0, 2, b"2", 0, False), message())
        outcome = read(wire.expect(Disposition).state)
        assert isinstance(outcome, Rejected)
        assert error_of(outcome).condition == "amqp:unauthorized-access"
        body = {"from-sequence-number": 1, "message-count": 1}
        wire.send(Transfer(2, 3, b"3", 0, True), request({"operation": "com.microsoft:peek-message"}, body, "r"))
        wire.expect(Transfer)
        assert reply_properties(wire.last_payload)["statusCode"] == 401
        wire.credit(1, 1)
        assert error_of(wire.expect(Detach)).condition == "amqp:unauthorized-access"
    finally:
        broker.model = access_model(QUEUES)


@pytest.mark.parametrize("denied", [1, 3])
def test_a_receiver_without_the_right_does_not_hold_up_the_next(broker: RunningBroker, denied: int) -> None:
    """Receivers that lost the right while they waited are detached, and who holds it gets the message at once."""
    without, entitled = [Wire(broker) for _ in range(denied)], Wire(broker)
    try:
        for wire, workload in [*((each, "receiver") for each in without), (entitled, "both")]:
            wire.ready(workload)
            wire.attach(0, "jobs", receive=True, snd_settle_mode=1)
            wire.credit(0, 1)
            wire.send(Flow(0, 1000, 0, 1000, echo=True))
            wire.expect(Flow)  # by now its credit is known
        broker.model = access_model(QUEUES, receiver=[])
        sender = Wire(broker)
        sender.ready("sender")
        sender.attach(0, "jobs", receive=False)
        sender.send(Transfer(0, 1, b"1", 0, False), message())
        assert sender.expect(Disposition).first == 1
        # Nothing happens after the message came in: no other connection says a word.
        assert entitled.expect(Transfer).settled
        for wire in without:
            assert error_of(wire.expect(Detach)).condition == "amqp:unauthorized-access"
        sender.close()
    finally:
        broker.model = access_model(QUEUES)
        for wire in [*without, entitled]:
            wire.close()


def test_every_access_is_in_the_trail(broker: RunningBroker, wire: Wire) -> None:
    """Each message sent and each delivery is a line, allowed or denied, with the queue's own spelling as its scope."""
    before = len(broker.trail())
    wire.ready("both")
    wire.attach(0, "mixed", receive=False)
    wire.send(Transfer(0, 1, b"1", 0, False), message())
    wire.expect(Disposition)
    wire.attach(1, "MIXED", receive=True, snd_settle_mode=1)
    wire.credit(1, 1)
    wire.expect(Transfer)
    lines = [(line["workload"], line["action"], line["scope"], line["allowed"]) for line in broker.trail()[before:]]
    sent, received = ("both", SEND, "serviceBus/Mixed", True), ("both", RECEIVE, "serviceBus/Mixed", True)
    assert lines == [sent, sent, received, received]
    assert all(line["uti"] for line in broker.trail()[before:])
