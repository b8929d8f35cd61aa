"""AMQP over WebSockets, as a pod that may use HTTPS only reaches Service Bus: Azure's name, through the proxy.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide#amqp-web-sockets
"""

import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from azure.servicebus import ServiceBusMessage, TransportType
from azure.servicebus.aio import ServiceBusClient
from localcloud.faults import Fault, Kind
from localcloud.servicebus.amqp.composites import read, write
from localcloud.servicebus.amqp.decoder import decode
from localcloud.servicebus.amqp.frames import AMQP_HEADER, SASL_FRAME, SASL_HEADER, FrameReader, frame
from localcloud.servicebus.amqp.performatives import Open, SaslInit

PATH = "/$servicebus/websocket"


@asynccontextmanager
async def websocket(cloud: Any, host: str, path: str = PATH, **options: Any) -> AsyncIterator[Any]:
    """A WebSocket to one of Azure's names."""
    tls = ssl.create_default_context(cafile=cloud.ca_bundle)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"wss://{host}{path}", proxy=cloud.cloud.proxy_url, ssl=tls, **options) as socket,
    ):
        yield socket


class Peer:
    """Reads AMQP out of a WebSocket's messages, wherever these begin and end."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._reader = FrameReader()

    async def header(self) -> bytes:
        while (header := self._reader.header()) is None:
            self._reader.feed(await self._socket.receive_bytes(timeout=5))
        return header

    async def frame(self) -> Any:
        while (received := self._reader.frame()) is None:
            self._reader.feed(await self._socket.receive_bytes(timeout=5))
        return read(decode(received.body)[0])


async def test_the_sdk_sends_and_receives_over_a_websocket(
    cloud: Any, aio_credential: Callable[[str], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Messages of many frames, settled, with a workload's own token. The terminal says nothing of its end."""
    proxy = urlsplit(cloud.cloud.proxy_url)
    with caplog.at_level(logging.WARNING, "localcloud"):
        async with (
            aio_credential("owner") as credential,
            ServiceBusClient(
                cloud.namespace,
                credential,
                transport_type=TransportType.AmqpOverWebsocket,
                http_proxy={"proxy_hostname": f"http://{proxy.hostname}", "proxy_port": proxy.port},
                connection_verify=str(cloud.ca_bundle),
                retry_total=0,
            ) as client,
            client.get_queue_sender("other") as sender,
            client.get_queue_receiver("other") as receiver,
        ):
            bodies = [b"small", bytes(range(256)) * 700]
            await sender.send_messages([ServiceBusMessage(body) for body in bodies[:1]])
            await sender.send_messages(ServiceBusMessage(bodies[1]))
            for body in bodies:
                (message,) = await receiver.receive_messages(max_message_count=1, max_wait_time=5)
                assert b"".join(message.body) == body
                await receiver.complete_message(message)
            assert await receiver.peek_messages() == []
    assert caplog.records == []


@pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
async def test_bytes_count_and_not_messages(cloud: Any, path: str) -> None:
    """A WebSocket's message may hold a part of a frame, or several frames: AMQP is a stream of bytes."""
    async with websocket(cloud, cloud.namespace, path, protocols=["AMQPWSB10"]) as socket:
        assert socket.protocol == "AMQPWSB10"
        peer = Peer(socket)
        await socket.send_bytes(SASL_HEADER)
        assert await peer.header() == SASL_HEADER
        await peer.frame()
        rest = frame(0, write(SaslInit("MSSBCBS")), SASL_FRAME) + AMQP_HEADER + frame(0, write(Open("test")))
        for octet in rest[:60]:
            await socket.send_bytes(bytes((octet,)))
        await socket.send_bytes(rest[60:])
        await peer.frame()
        assert await peer.header() == AMQP_HEADER
        assert isinstance(await peer.frame(), Open)


@pytest.mark.parametrize("protocols", [[], ["mqtt"]])
async def test_another_subprotocol_is_refused(cloud: Any, protocols: list[str]) -> None:
    """With a status, and without AMQP's header."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with websocket(cloud, cloud.namespace, protocols=protocols):
            pass
    assert refused.value.status == 403


async def test_no_other_address_takes_a_websocket(cloud: Any) -> None:
    """Neither another path nor another of Azure's names."""
    hosts = [name for name in cloud.cloud.names if name != cloud.namespace]
    for host, path in [(cloud.namespace, "/orders"), *((host, PATH) for host in hosts)]:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with websocket(cloud, host, path, protocols=["AMQPWSB10"]):
                pass
        assert refused.value.status in (403, 404), host


@pytest.mark.parametrize("wrong", ["text", b"not AMQP at all", None])
async def test_what_is_no_amqp_ends_the_websocket(cloud: Any, wrong: str | bytes | None) -> None:
    """Text, other bytes, or nothing more: the WebSocket is closed, and the broker serves the next one."""
    async with websocket(cloud, cloud.namespace, protocols=["AMQPWSB10"]) as socket:
        if isinstance(wrong, str):
            await socket.send_str(wrong)
        elif isinstance(wrong, bytes):
            await socket.send_bytes(wrong)
        else:
            await socket.close()
        while (await socket.receive(timeout=5)).type not in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
            pass
    async with websocket(cloud, cloud.namespace, protocols=["AMQPWSB10"]) as socket:
        await socket.send_bytes(SASL_HEADER)
        assert await Peer(socket).header() == SASL_HEADER


async def test_a_message_beyond_a_megabyte_ends_the_websocket(cloud: Any) -> None:
    """What a stranger makes the broker hold is bounded, by the WebSocket's messages as by AMQP's frames."""
    async with websocket(cloud, cloud.namespace, protocols=["AMQPWSB10"]) as socket:
        await socket.send_bytes(SASL_HEADER)
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            await socket.send_bytes(bytes(2 * 1024 * 1024))
        ended = {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
        while (await socket.receive(timeout=5)).type not in ended:
            pass


async def test_a_fault_meets_a_connection_in_a_websocket(cloud: Any) -> None:
    """A service that is down resets the connections that are open, these too; after it, a new one is served."""
    faults, loop = cloud.cloud.faults, cloud.loop
    async with websocket(cloud, cloud.namespace, protocols=["AMQPWSB10"]) as socket:
        await socket.send_bytes(SASL_HEADER)
        assert await Peer(socket).header() == SASL_HEADER
        loop.call_soon_threadsafe(faults.begin, "servicebus", Fault(Kind.DOWN))
        try:
            ended = {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
            while (await socket.receive(timeout=5)).type not in ended:
                pass
        finally:
            loop.call_soon_threadsafe(faults.end, "servicebus")
    async with websocket(cloud, cloud.namespace, protocols=["AMQPWSB10"]) as socket:
        await socket.send_bytes(SASL_HEADER)
        assert await Peer(socket).header() == SASL_HEADER
