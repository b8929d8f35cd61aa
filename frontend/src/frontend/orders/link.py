"""A link to the queue, and the one thread that sends over it.

The SDK's sender is not thread-safe, and threads that each have one hand the interpreter's lock about, which costs more
than sending (docs/decisions/one-thread-sends.md). So one thread sends for all. What comes while it sends makes up its
next batch.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from azure.servicebus import ServiceBusMessage, ServiceBusSender

_LARGEST = 64  # messages in a batch: of 3 KB each at most, they fit into the 256 KB that Service Bus Standard takes


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """A message to send, or None to only open the link. After `deadline` (`time.monotonic`) it is not sent any more.

    `sent` has its result when Service Bus has the message.
    """

    message: ServiceBusMessage | None
    deadline: float
    sent: Future[None] = field(default_factory=Future)


class Link:
    """Send over one sender, which `open_sender` opens when it is needed, and anew after an error.

    The thread starts at once. It may hang, because the SDK's `try_timeout` does not bound a TLS or SASL handshake that
    is never answered.
    """

    def __init__(self, open_sender: Callable[[], ServiceBusSender]) -> None:
        self._open_sender = open_sender
        self._sender: ServiceBusSender | None = None
        self._waiting: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._closing = ThreadPoolExecutor(1, thread_name_prefix="closing")
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._thread.start()

    def put(self, waiting: Waiting) -> None:
        """Have the message sent, with the others that wait."""
        self._waiting.put(waiting)

    def close(self) -> None:
        """Have the thread end after what waits now, and the sender closed."""
        self._waiting.put(None)

    def has_ended(self, timeout: float = 0.0) -> bool:
        """Tell whether the thread has ended, after `timeout` seconds at most."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            self._send([first, *self._others()])
        self._drop_sender()
        self._closing.shutdown()

    def _others(self) -> Iterator[Waiting]:
        """Yield what else waits, as far as a batch holds it."""
        with suppress(queue.Empty):
            for _ in range(_LARGEST - 1):
                waiting = self._waiting.get_nowait()
                if waiting is None:
                    self.close()  # again, for after this batch
                    return
                yield waiting

    def _send(self, batch: list[Waiting]) -> None:
        """Send the messages as one batch. If that fails, send each by itself: the cause may be one of them."""
        if not (batch := _wanted(batch)):
            return
        try:
            if self._sender is None:  # Service Bus checks the right to send when the link is opened
                self._sender = self._open_sender().__enter__()
                batch = _wanted(batch)
            if messages := [waiting.message for waiting in batch if waiting.message]:
                self._sender.send_messages(messages if len(messages) > 1 else messages[0])
        except Exception as error:
            self._drop_sender()
            if len(batch) == 1:
                batch[0].sent.set_exception(error)
            else:
                for waiting in batch:
                    self._send([waiting])
        else:
            for waiting in batch:
                waiting.sent.set_result(None)

    def _drop_sender(self) -> None:
        """Close the sender in another thread: if its connection is broken, that may take long."""
        if self._sender:
            self._closing.submit(_close, self._sender)
            self._sender = None


def _wanted(batch: list[Waiting]) -> list[Waiting]:
    return [waiting for waiting in batch if time.monotonic() < waiting.deadline]


def _close(sender: ServiceBusSender) -> None:
    with suppress(Exception):  # it is not used again, so its error does not matter
        sender.close()
