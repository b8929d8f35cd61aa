"""What one connection may hold: little until it has shown a token, then about what Azure allows.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas
"""

from dataclasses import dataclass

from localcloud.servicebus import errors
from localcloud.servicebus.credentials import Credentials

CHANNEL_MAX = 4999
HANDLE_MAX = 255  # in one session
LONGEST_AUDIENCE = 512  # characters: an entity has 260 of them, a namespace 50 and its domain
LONGEST_NAME = 1024  # characters of a link's name; no SDK comes near
MOST_UNSETTLED = 5000  # deliveries of one session


@dataclass(frozen=True, slots=True)
class Limits:
    """`unfinished` bytes are of messages that have come in part, `waiting` ones of answers not taken by the peer."""

    sessions: int
    links: int
    unfinished: int
    waiting: int


BEFORE_TOKEN = Limits(sessions=64, links=64, unfinished=128 * 1024, waiting=64 * 1024)
AFTER_TOKEN = Limits(sessions=CHANNEL_MAX + 1, links=CHANNEL_MAX + 1, unfinished=16 * 2**20, waiting=4 * 2**20)


class Holdings:
    """What a connection holds at the moment. Its sessions and links count it."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self.sessions = 0
        self.links = 0
        self.unfinished = 0
        self.waiting = 0

    @property
    def limits(self) -> Limits:
        return BEFORE_TOKEN if self._credentials.expires is None else AFTER_TOKEN

    def add_session(self) -> None:
        """Raises `AmqpError` for one too many."""
        if self.sessions >= self.limits.sessions:
            raise errors.too_many_handles(self.limits.sessions)
        self.sessions += 1

    def add_link(self) -> None:
        """Raises `AmqpError` for one too many."""
        if self.links >= self.limits.links:
            raise errors.too_many_handles(self.limits.links)
        self.links += 1

    def require_room_for_reply(self) -> None:
        """Raises `AmqpError` if the peer has left too much waiting to ask for more."""
        if self.waiting >= self.limits.waiting:
            raise errors.too_much_waiting(self.limits.waiting)
