"""Messages that the Service Bus SDK can't decode are received, and encoded messages are sent, with the real SDK.

If a new version of azure-servicebus fails these tests, adapt `backend.amqp.encoded_messages` before you use it.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from azure.servicebus import ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus._pyamqp.aio import _receiver_async
from azure.servicebus._transport import _pyamqp_transport
from azure.servicebus.aio import AutoLockRenewer, ServiceBusClient
from azure.servicebus.exceptions import MessageSizeExceededError
from hypothesis import given
from hypothesis import strategies as st

from backend.amqp.encoded_messages import decode, decoding_fault, encoded_of, keep_encoded, send_encoded
from tests import amqp_messages as m
from tests.queues import Queues, running_queues

if TYPE_CHECKING:
    from localcloud.testing import RunningCloud

PLACES: dict[str, Callable[[bytes], bytes]] = {
    "application property": lambda value: m.message(m.data(b"x"), application=[("p", value)]),
    "annotation": lambda value: m.message(m.data(b"x"), annotations=[("p", value)]),
    "delivery annotation": lambda value: m.message(
        m.data(b"x"), after=m.section(m.DELIVERY_ANNOTATIONS, m.map_of((m.symbol("p"), value)))
    ),
    "property": lambda value: m.message(m.data(b"x"), properties=[value]),
    "value": lambda value: m.message(m.value(value)),
    "sequence": lambda value: m.message(m.sequence(value)),
    "footer": lambda value: m.message(m.data(b"x"), after=m.section(m.FOOTER, m.map_of((m.symbol("p"), value)))),
}


def received(encoded: bytes) -> ServiceBusReceivedMessage:
    return ServiceBusReceivedMessage(decode(memoryview(encoded)), receiver=None)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", m.DECODABLE)
def test_what_the_sdk_can_decode_is_decoded(place: str, name: str) -> None:
    """A message with a value of any type that the SDK knows, in any section, has no fault."""
    assert decoding_fault(received(PLACES[place](m.DECODABLE[name]))) is None


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", m.UNDECODABLE | m.BOMBS)
def test_what_the_sdk_can_not_decode_has_a_fault(place: str, name: str) -> None:
    """The fault names the part that can't be decoded. The bytes are kept, and nothing else of the sender's."""
    encoded = PLACES[place]((m.UNDECODABLE | m.BOMBS)[name])
    message = received(encoded)
    assert (decoding_fault(message) or "").startswith("azure-servicebus can't decode its ")
    assert encoded_of(message) == encoded
    assert (message.application_properties, message.message_id, message.body) == (None, None, None)


def from_broker(body: bytes, *, deliveries: bytes = m.uint(3), locked_until: bytes | None = None) -> bytes:
    """A message as a broker delivers it: its own header and annotations come first."""
    locked_until = locked_until or m.timestamp(int(time.time() + 60) * 1000)
    return m.message(
        body,
        before=m.section(m.HEADER, m.list_of(m.NULL, m.NULL, m.NULL, m.NULL, deliveries)),
        annotations=[("x-opt-sequence-number", m.long(7)), ("x-opt-locked-until", locked_until)],
    )


@pytest.mark.parametrize(
    "body", [m.value(m.UNDECODABLE["char"]), m.section(m.VALUE, b"\x3f"), m.data(b"x")[:-1], b"\x00\x53\x79\x40"]
)
def test_a_fault_leaves_what_the_broker_said(body: bytes) -> None:
    """The sequence number, the deliveries and the lock of a broken message are known, so that it can be settled."""
    message = received(from_broker(body))
    assert decoding_fault(message)
    assert (message.sequence_number, message.delivery_count) == (7, 3)
    assert message.locked_until_utc is not None
    assert message.locked_until_utc.timestamp() > time.time() + 50


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        from_broker(m.data(b"x"), deliveries=m.string("many")),
        from_broker(m.data(b"x"), locked_until=m.string("for ever")),
        from_broker(m.data(b"x"), locked_until=m.timestamp(2**62)),
        m.section(m.HEADER, m.list_of(*[m.NULL] * 9)),
        m.section(m.MESSAGE_ANNOTATIONS, m.NULL),
    ],
)
def test_a_message_can_be_received_whatever_it_holds(encoded: bytes) -> None:
    """The SDK reads the sequence number and the lock of each message first, and can."""
    message = received(encoded)
    assert isinstance(message.sequence_number, int | None)
    assert message.locked_until_utc is None or message.locked_until_utc.timestamp() < time.time() + 70


@given(st.binary(max_size=300), st.integers(0, 300), st.integers(0, 300))
def test_decoding_never_fails(noise: bytes, start: int, end: int) -> None:
    """Any bytes are received, alone or as a part of a message."""
    whole = from_broker(m.data(b"x"))
    for encoded in (noise, whole[:start] + noise + whole[end:]):
        message = received(encoded)
        assert encoded_of(message) == encoded
        assert isinstance(message.sequence_number, int | None)


@pytest.mark.parametrize("module", [_receiver_async, _pyamqp_transport])
@pytest.mark.parametrize("change", [lambda patch, module: patch.delattr(module, "decode_payload"), None])
def test_an_sdk_that_decodes_elsewhere_is_refused(
    monkeypatch: pytest.MonkeyPatch, module: object, change: Callable[..., None] | None
) -> None:
    """The worker does not start with an SDK in which the replaced function is missing or is another."""
    if change:
        change(monkeypatch, module)
    else:
        monkeypatch.setattr(module, "decode_payload", lambda payload: payload)
    with pytest.raises(AttributeError, match="decode_payload"):
        keep_encoded()


@pytest.fixture(scope="module")
def queues(start_cloud: "Callable[[Path], RunningCloud]", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queues]:
    with running_queues(
        start_cloud, tmp_path_factory.mktemp("encoded"), {"orders": {}, "traced": {}, "sent": {}, "peeked": {}}
    ) as running:
        yield running


@pytest.fixture
async def client(queues: Queues) -> AsyncIterator[ServiceBusClient]:
    async with queues.client() as client:
        yield client


async def test_an_undecodable_message_is_settled_alone(queues: Queues, client: ServiceBusClient) -> None:
    """The receiver stays open: it dead-letters that message with a reason, and completes the others."""
    faults = list(m.UNDECODABLE.values())
    queues.put("orders", m.message(m.data(b"first")), *map(PLACES["annotation"], faults))
    queues.put("orders", m.message(m.data(b"last")))
    async with AutoLockRenewer() as renewer, client.get_queue_receiver("orders", auto_lock_renewer=renewer) as receiver:
        bodies = []
        for _ in range(len(faults) + 2):
            (message,) = await receiver.receive_messages(max_wait_time=5)
            assert message.delivery_count == 0
            if fault := decoding_fault(message):
                await receiver.dead_letter_message(message, reason="Undecodable", error_description=fault)
            else:
                bodies.append(b"".join(message.body))
                await receiver.complete_message(message)
        assert bodies == [b"first", b"last"]
        assert await receiver.peek_messages(sequence_number=1) == []
    async with client.get_queue_receiver("orders", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead_letters:
        assert len(await dead_letters.peek_messages(20, sequence_number=1)) == len(faults)


async def test_a_malformed_trace_context_keeps_no_message_from_its_settlement(
    queues: Queues, client: ServiceBusClient
) -> None:
    """The SDK reads the trace context of each message that it settles, and does not see one that is no ASCII text."""
    names = ("traceparent", "tracestate", "Diagnostic-Id")
    values = [value for kind, value in m.DECODABLE.items() if "long" not in kind and kind not in m.REFUSED_AS_PROPERTY]
    queues.put("traced", *(m.message(m.data(b"x"), [(name, value)]) for name in names for value in values))
    async with client.get_queue_receiver("traced") as receiver:
        for _ in range(len(names) * len(values)):
            (message,) = await receiver.receive_messages(max_wait_time=5)
            assert all(isinstance(value, bytes) for value in (message.application_properties or {}).values())
            await receiver.complete_message(message)


async def test_a_peek_shows_the_others_too(queues: Queues, client: ServiceBusClient) -> None:
    """A peek returns a message that can't be decoded too, and the others with it."""
    queues.put("peeked", m.message(m.data(b"1")), PLACES["value"](m.UNDECODABLE["char"]), m.message(m.data(b"3")))
    async with client.get_queue_receiver("peeked") as receiver:
        peeked = await receiver.peek_messages(10, sequence_number=1)
    assert [message.sequence_number for message in peeked] == [1, 2, 3]
    assert [decoding_fault(message) is None for message in peeked] == [True, False, True]


async def test_a_message_is_sent_as_it_is(queues: Queues, client: ServiceBusClient) -> None:
    """The same bytes arrive, also those of types that the SDK can't encode."""
    short = {name: value for name, value in (m.DECODABLE | m.UNDECODABLE).items() if len(value) < 10_000}
    values = [value for name, value in short.items() if name not in m.REFUSED_BY_A_BROKER]
    properties = [(name, value) for name, value in short.items() if name not in m.REFUSED_AS_PROPERTY]
    sent = m.message(m.sequence(*values) + m.sequence(), application=properties)
    async with client.get_queue_sender("sent") as sender, client.get_queue_receiver("sent") as receiver:
        await send_encoded(sender, sent)
        (message,) = await receiver.receive_messages(max_wait_time=5)
        await receiver.complete_message(message)
    assert encoded_of(message).endswith(sent)


async def test_a_message_that_is_too_large_is_not_sent(client: ServiceBusClient) -> None:
    """An encoded message that is larger than the broker allows raises the SDK's own error."""
    async with client.get_queue_sender("sent") as sender, client.get_queue_receiver("sent") as receiver:
        with pytest.raises(MessageSizeExceededError):
            await send_encoded(sender, m.message(m.data(bytes(256 * 1024))))
        await send_encoded(sender, m.message(m.data(bytes(255 * 1024))))
        (message,) = await receiver.receive_messages(max_wait_time=5)
        await receiver.complete_message(message)
    assert b"".join(message.body) == bytes(255 * 1024)
