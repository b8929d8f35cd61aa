"""Addresses: of links (`orders`, `orders/$DeadLetterQueue`, `orders/$management`, `$cbs`) and of tokens (their URIs).

Names compare without case. Of a URI the path counts here; whether its host is this namespace's, `Credentials` asks.
"""

from dataclasses import dataclass

CBS = "$cbs"
_MANAGEMENT = "$management"


@dataclass(frozen=True, slots=True)
class Address:
    """`entity` is a queue or its sub-queue, as it was written."""

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
    def scope(self) -> str:
        """The queue whose access the entity has: a sub-queue has its queue's."""
        return self.entity.partition("/$")[0]


def dead_letters_of(queue: str) -> str:
    """The name of a queue's dead-letter sub-queue."""
    return f"{queue}/$DeadLetterQueue"
