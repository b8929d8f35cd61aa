"""Puts a message together that comes in several transfers (specification, part 2.6.14)."""

from localcloud.servicebus.amqp.types import Value
from localcloud.servicebus.limits import Holdings
from localcloud.servicebus.quotas import MESSAGE_SIZE


class IncomingDelivery:
    """A message of which parts have come.

    None of them is kept if the message is too large, or if the connection has no room for it: it is refused at its end.
    """

    def __init__(self, number: int | None, message_format: int) -> None:
        self.number = number
        self.format = message_format
        self.settled = False
        self.state: Value = None  # the delivery state that the sender gives it
        self.size = 0
        self._parts = bytearray()

    def add(self, payload: bytes, holdings: Holdings) -> None:
        whole = len(self._parts) == self.size
        self.size += len(payload)
        if whole and self.size <= MESSAGE_SIZE and holdings.unfinished + len(payload) <= holdings.limits.unfinished:
            holdings.unfinished += len(payload)
            self._parts += payload
        else:
            self._give_back(holdings)

    def take(self, payload: bytes, holdings: Holdings) -> bytes:
        """The message with its last part; shorter than `size` if parts of it were not kept."""
        whole = len(self._parts) == self.size
        self.size += len(payload)
        message = bytes(self._parts) + payload if whole else b""
        self._give_back(holdings)
        return message

    def _give_back(self, holdings: Holdings) -> None:
        holdings.unfinished -= len(self._parts)
        self._parts = bytearray()
