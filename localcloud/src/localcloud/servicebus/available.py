"""The messages that can be handed out, by their sequence numbers and sessions."""

import heapq
from collections.abc import Callable


class Available:
    """Sequence numbers in order, by session. In an entity without sessions all are of the session `None`."""

    def __init__(self) -> None:
        self._heaps: dict[str | None, list[int]] = {}

    def add(self, sequence: int, session: str | None) -> None:
        heapq.heappush(self._heaps.setdefault(session, []), sequence)

    def take(self, session: str | None) -> int | None:
        """The first sequence number of the session, which is there no more after this."""
        heap = self._heaps.get(session)
        if not heap:
            return None
        sequence = heapq.heappop(heap)
        if not heap:
            del self._heaps[session]
        return sequence

    def first(self, may_have: Callable[[str], bool]) -> tuple[str, int] | None:
        """The session whose first message is the oldest, of those that may be had, and that message's number."""
        heads = [(heap[0], session) for session, heap in self._heaps.items() if session is not None]
        found = min((head for head in heads if may_have(head[1])), default=None)
        return None if found is None else (found[1], found[0])

    def __contains__(self, session: str | None) -> bool:
        return session in self._heaps

    def __bool__(self) -> bool:
        return bool(self._heaps)
