"""A link with a delay: `python -m bench.delay MILLISECONDS PORT=TARGET …` forwards TCP connections on this machine.

Each byte arrives so much later, in both directions. No byte waits for the one before it to arrive, as on a real link.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.cloud import Cloud, free_port
from demo.stack import ROOT


@dataclass(frozen=True, slots=True)
class Delayed:
    """The ports at which the local cloud is reached over the link."""

    proxy_port: int
    amqp_port: int

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead a workload over the link."""
        proxy = f"http://127.0.0.1:{self.proxy_port}"
        return {
            "AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS": f"sb://127.0.0.1:{self.amqp_port}",
            **dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), proxy),
        }


@contextmanager
def link(cloud: Cloud, milliseconds: float) -> Iterator[Delayed]:
    """Delay what goes to the local cloud, and what comes from it, by so many milliseconds."""
    delayed = Delayed(free_port(), free_port())
    ports = f"{delayed.proxy_port}={cloud.proxy_port}", f"{delayed.amqp_port}={cloud.amqp_port}"
    command = [sys.executable, "-m", "bench.delay", str(milliseconds), *ports]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        assert process.stdout  # noqa: S101  (for the type checker: it is a pipe)
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("the delayed link could not be opened")
        yield delayed
    finally:
        process.terminate()
        process.wait(10)


async def forward(seconds: float, ports: dict[int, int]) -> None:
    """Listen on each port, and forward its connections to the target's port."""

    async def connected(target: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(_carry(reader, far_writer, seconds), _carry(far_reader, writer, seconds))

    for port, target in ports.items():
        await asyncio.start_server(lambda r, w, target=target: connected(target, r, w), "127.0.0.1", port)  # type: ignore[misc]
    print("ready", flush=True)
    await asyncio.Event().wait()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    underway: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def arrive() -> None:
        data = b" "
        while data:
            due, data = await underway.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            writer.write(data)
        writer.close()

    arriving = asyncio.create_task(arrive())
    data = b" "
    while data:
        try:
            data = await reader.read(65536)
        except ConnectionError:
            data = b""
        underway.put_nowait((time.monotonic() + seconds, data))
    await arriving


if __name__ == "__main__":
    delay, *pairs = sys.argv[1:]
    numbers = (pair.split("=") for pair in pairs)
    asyncio.run(forward(float(delay) / 1000, {int(port): int(target) for port, target in numbers}))
