"""The keys that sign sessions, forms and references: the versions of the Key Vault secret `frontend-signing-key`.

A rotation ends no session: each enabled version verifies as soon as it is read, and signs only after every replica has
had time to read it. docs/decisions/session-keys-are-versions-of-a-secret.md says why.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from azure.keyvault.secrets import SecretClient
from itsdangerous import BadSignature, URLSafeSerializer

from workload.failure import SDK_ERRORS, explain

SECRET = "frontend-signing-key"  # noqa: S105  (the secret's name)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KeyVersion:
    """One enabled version of the secret. `published` is a Unix time."""

    key: str
    published: float


def in_signing_order(versions: Sequence[KeyVersion], settled_before: float) -> list[str]:
    """Return the keys, the one that signs last, as itsdangerous and Flask take them.

    The newest version that was published before `settled_before` signs. If none is that old, the oldest one does.
    """
    oldest_first = sorted(versions, key=lambda version: version.published)
    settled = [version for version in oldest_first if version.published <= settled_before]
    signing = settled[-1] if settled else oldest_first[0]
    return [version.key for version in oldest_first if version is not signing] + [signing.key]


class SigningKeys:
    """Read the keys from Key Vault, keep them in memory, and sign and verify with them.

    `publish` is called with the keys whenever they were read. `interval` is the time between two refreshes in seconds.
    """

    def __init__(
        self,
        secrets: Callable[[], SecretClient],
        interval: float,
        publish: Callable[[list[str]], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._secrets = secrets
        self._interval = interval
        self._publish = publish
        self._clock = clock
        self._reading = threading.Lock()
        self._versions: dict[str, KeyVersion] = {}
        self._keys: list[str] = []
        self._asked_at = 0.0

    def current(self) -> list[str]:
        """Return the keys, the one that signs last. Reads them if they were never read; raises one of `SDK_ERRORS`."""
        if not self._keys:
            self.refresh()
        return self._keys

    def sign(self, purpose: str, value: Any) -> str:
        """Return the JSON value as text for a URL, signed for this purpose only."""
        return str(URLSafeSerializer(self.current(), salt=purpose).dumps(value))

    def verified(self, purpose: str, text: str) -> Any:
        """Return what was signed for this purpose, or None if none of the keys has signed the text."""
        try:
            return URLSafeSerializer(self.current(), salt=purpose).loads(text)
        except BadSignature:
            return self.verified(purpose, text) if self.refresh_after_bad_signature() else None

    def refresh(self) -> None:
        """Read the list of versions, and the values that are not known yet. Raises one of `SDK_ERRORS`."""
        with self._reading:
            self._read_versions()

    def refresh_after_bad_signature(self) -> bool:
        """Refresh the keys, at most once in five seconds: another replica may sign with a newer one already.

        Returns whether there are new keys.
        """
        if not self._reading.acquire(blocking=False):  # another thread is asking
            return False
        try:
            if self._clock() - self._asked_at < 5:
                return False
            before = set(self._keys)
            self._read_versions()
            return not before.issuperset(self._keys)
        except SDK_ERRORS as error:
            _log.warning("signing_key.refresh_failed", reason=str(explain(error)))
            return False
        finally:
            self._reading.release()

    @contextmanager
    def refreshing(self) -> Iterator[None]:
        """Refresh the keys in a thread, at once and then each interval, until the context is left."""
        left = threading.Event()
        threading.Thread(target=self._refresh_until, args=[left], name="signing-keys", daemon=True).start()
        try:
            yield
        finally:
            left.set()  # a question to Key Vault that is under way is not waited for

    def _refresh_until(self, left: threading.Event) -> None:
        """Refresh each interval, or every two seconds while there is no key."""
        reported = ""
        while not left.is_set():
            reason = ""
            try:
                self.refresh()
            except SDK_ERRORS as error:
                reason = str(explain(error))
                if reason != reported:
                    _log.warning("signing_key.refresh_failed", reason=reason)
            reported = reason
            left.wait(self._interval if self._keys else min(2, self._interval))

    def _read_versions(self) -> None:
        self._asked_at = self._clock()
        client = self._secrets()
        enabled: dict[str, KeyVersion] = {}
        for properties in client.list_properties_of_secret_versions(SECRET):
            version, created = properties.version, properties.created_on
            if not properties.enabled or version is None or created is None:
                continue
            known = self._versions.get(version)
            if known is None:
                known = KeyVersion(client.get_secret(SECRET, version).value or "", created.timestamp())
                _log.info("signing_key.read", version=version)
            enabled[version] = known
        if not enabled:
            raise ValueError(f"the secret {SECRET} has no enabled version")
        self._versions = enabled
        self._keys = in_signing_order(list(enabled.values()), self._clock() - 2 * self._interval)
        self._publish(self._keys)
