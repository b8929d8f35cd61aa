"""Addresses: of links (`orders`, `orders/$DeadLetterQueue`, `orders/$management`, `$cbs`) and of tokens (their URIs).

Names compare without case. Of a URI the path counts here; whether its host is this namespace's, `Credentials` asks.
"""

from dataclasses import dataclass

from localcloud.servicebus import errors
from localcloud.servicebus.errors import AmqpError

CBS = "$cbs"
_LONGEST = 1024  # characters; no SDK comes near
_MANAGEMENT = "$management"


@dataclass(frozen=True, slots=True)
class Address:
    """`entity` is a queue, a topic, a subscription (`news/Subscriptions/all`) or a sub-queue, as it was written."""

    entity: str
    is_management: bool

    @classmethod
    def parse(cls, address: str) -> "Address":
        """A link's address or a token's audience; slashes around names do not count, however many."""
        path = address.partition("://")[2].partition("/")[2] if "://" in address else address
        names = [name for name in path.split("/") if name]
        is_management = bool(names) and names[-1].lower() == _MANAGEMENT
        return cls("/".join(names[:-1] if is_management else names), is_management)

    @property
    def key(self) -> str:
        """The entity's name for comparison."""
        return self.entity.lower()

    @property
    def root(self) -> str:
        """The entity without its sub-queue."""
        return self.entity.partition("/$")[0]

    @property
    def topic(self) -> str:
        """The topic, if the entity is a subscription; otherwise the entity without its sub-queue."""
        path, _, _ = self.root.rpartition("/")
        topic, _, middle = path.rpartition("/")
        return topic if middle.lower() == "subscriptions" else self.root


def dead_letters_of(queue: str) -> str:
    """The name of a queue's dead-letter sub-queue."""
    return f"{queue}/$DeadLetterQueue"


def text(address: object) -> str:
    """An address that is a string, as all here are; raises `AmqpError` for one that is too long."""
    if not isinstance(address, str):
        return ""
    if len(address) > _LONGEST:
        raise AmqpError(errors.INVALID_FIELD, f"An address has {_LONGEST} characters at most.")
    return address
