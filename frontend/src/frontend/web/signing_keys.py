"""The keys that sign sessions, forms and references: the versions of the Key Vault secret `frontend-signing-key`.

A rotation logs nobody out: every enabled version verifies, and a new one verifies at once but signs only after every
replica has had the time to read it (two refresh intervals). Keys are kept in memory only.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from azure.keyvault.secrets import SecretClient

from frontend.refusals import DEPENDENCY_ERRORS, explain

SECRET = "frontend-signing-key"  # noqa: S105  (the secret's name)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Version:
    """One enabled version of the secret. `published` is a Unix time."""

    version: str
    key: str
    published: float


def in_signing_order(versions: Sequence[Version], settled_before: float) -> list[str]:
    """The keys, the one that signs last, as itsdangerous takes them.

    Signing is for the newest version published before `settled_before`; where none is that old, for the oldest.
    """
    oldest_first = sorted(versions, key=lambda version: version.published)
    settled = [version for version in oldest_first if version.published <= settled_before]
    signing = settled[-1] if settled else oldest_first[0]
    return [version.key for version in oldest_first if version is not signing] + [signing.key]


class SigningKeys:
    """`keys()` gives the current keys; `refresh()` asks Key Vault for new versions.

    Between `start` and `close` a thread refreshes them.

    `publish` is called with the keys whenever they were read, so that Flask signs with them too.
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
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._read: dict[str, Version] = {}
        self._keys: list[str] = []
        self._last_attempt = 0.0

    def keys(self) -> list[str]:
        """The keys, the one that signs last. Reads them if they were never read; raises one of `DEPENDENCY_ERRORS`."""
        if not self._keys:
            self.refresh()
        return self._keys

    def refresh(self) -> None:
        """Reads the list of versions, and the values of those not yet known; raises one of `DEPENDENCY_ERRORS`."""
        with self._lock:
            self._read_versions()

    def refresh_after_bad_signature(self) -> bool:
        """Another replica may know a newer key: asks at most once in five seconds. True where there are new keys."""
        if not self._lock.acquire(blocking=False):  # another thread asks already
            return False
        try:
            if self._clock() - self._last_attempt < 5:
                return False
            before = set(self._keys)
            self._read_versions()
            return not before.issuperset(self._keys)
        except DEPENDENCY_ERRORS as error:
            _log.warning("signing_key.refresh_failed", reason=str(explain(error)))
            return False
        finally:
            self._lock.release()

    def start(self) -> None:
        """Start the thread that refreshes the keys, unless it runs already."""
        if self._thread is not None:
            return
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="signing-keys", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the thread; a question to Key Vault that is under way is not waited for."""
        self._closed.set()

    def _run(self) -> None:
        """Refresh at once and then each interval; more often while there is no key at all."""
        reported = ""
        while not self._closed.is_set():
            try:
                self.refresh()
                reported = ""
            except DEPENDENCY_ERRORS as error:
                reason = str(explain(error))
                if reason != reported:
                    _log.warning("signing_key.refresh_failed", reason=reason)
                reported = reason
            self._closed.wait(self._interval if self._keys else min(2, self._interval))

    def _read_versions(self) -> None:
        self._last_attempt = self._clock()
        client = self._secrets()
        current: dict[str, Version] = {}
        for properties in client.list_properties_of_secret_versions(SECRET):
            version, created = properties.version, properties.created_on
            if not properties.enabled or version is None or created is None:
                continue
            known = self._read.get(version)
            if known is None:
                known = Version(version, client.get_secret(SECRET, version).value or "", created.timestamp())
                _log.info("signing_key.read", version=version)
            current[version] = known
        if not current:
            raise ValueError(f"the secret {SECRET} has no enabled version")
        self._read = current
        self._keys = in_signing_order(list(current.values()), self._clock() - 2 * self._interval)
        self._publish(self._keys)
