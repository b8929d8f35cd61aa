"""The trail as a test sees it: what was done, what was denied, and which denials the test expects."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from localcloud.authorization.audit import AccessEntry, Audit, ExchangeEntry


class UnexpectedDenial(AssertionError):
    """A test was denied something that it did not expect, or was not denied what it did."""


@dataclass
class Denials:
    """What was denied within `expects_denials`: accesses, and exchanges of tokens."""

    accesses: list[AccessEntry] = field(default_factory=list)
    exchanges: list[ExchangeEntry] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.accesses or self.exchanges)


class Watch:
    """Hears the audit trail from now on."""

    def __init__(self, audit: Audit) -> None:
        self.accesses: list[AccessEntry] = []
        self._unexpected = Denials()
        self._expecting: list[Denials] = []
        audit.listen(self._hear)

    def clear(self) -> None:
        """Forget everything heard so far."""
        self.accesses.clear()
        self._unexpected = Denials()

    @contextmanager
    def expects_denials(self) -> Iterator[Denials]:
        """Expect that something is denied in this block; what it is stands in the result.

        Raises `UnexpectedDenial` if the block ends in order and nothing was denied.
        """
        expected = Denials()
        self._expecting.append(expected)
        try:
            yield expected
        finally:
            self._expecting.remove(expected)
        if not expected:
            raise UnexpectedDenial("a denial is expected here, and nothing was denied")

    def check(self) -> None:
        """Raise `UnexpectedDenial` if anything was denied that was not expected."""
        lines = [
            *(f"{e.workload or e.principal}: {e.action} on {e.scope} ({e.reason})" for e in self._unexpected.accesses),
            *(f"{e.workload or e.client_id}: {e.result} {e.detail}" for e in self._unexpected.exchanges),
        ]
        if lines:
            raise UnexpectedDenial("\n  ".join(("the cloud denied what the test does not expect:", *lines)))

    def _hear(self, entry: AccessEntry | ExchangeEntry) -> None:
        denials = self._expecting[-1] if self._expecting else self._unexpected
        if isinstance(entry, AccessEntry):
            self.accesses.append(entry)
            if not entry.allowed:
                denials.accesses.append(entry)
        elif entry.result != "ok":
            denials.exchanges.append(entry)
