"""What advice is made of: the access model, what has happened so far, and the places in the files."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from localcloud.authorization.audit import AccessEntry, ExchangeEntry
from localcloud.authorization.model import AccessModel, client_id
from localcloud.authorization.propagation import Pending
from localcloud.cluster.sources import Sources, shown
from localcloud.cluster.webhook import CLIENT_ID, SKIP_CONTAINERS
from localcloud.entra.federation import Federation

_MOST_PODS = 5_000  # whose service account is remembered


class Knowledge:
    """`access` is the file of the access model, `sources` the overlay's files.

    `is_deleted` says whether the vault can still recover a secret, `pending` which roles of a workload were changed and
    are not in force as they are written.
    """

    def __init__(
        self,
        model: Callable[[], AccessModel],
        access: Path,
        federation: Federation,
        sources: Sources | None = None,
        is_deleted: Callable[[str], bool] = lambda _secret: False,
        pending: Callable[[str], Sequence[Pending]] = lambda _workload: (),
    ) -> None:
        self._current = model
        self._access = access
        self._federation = federation
        self._sources = sources
        self._is_deleted = is_deleted
        self._pending = pending
        self._once_known: set[str] = set()
        self._used: set[tuple[str | None, str]] = set()  # workloads and scopes that they were let through to
        self._subjects: OrderedDict[str, str] = OrderedDict()  # of the pods that asked for a token
        self._first_grants = {(n, g.role, g.scope) for n, w in model().workloads.items() for g in w.grants}

    def hear(self, entry: ExchangeEntry | AccessEntry) -> None:
        """Remembers what the workloads use, so that a role that none uses can be told from one that is needed."""
        self._once_known.update(self._current().workloads)
        if isinstance(entry, AccessEntry) and entry.allowed:
            self._used.add((entry.workload, entry.scope))
        if isinstance(entry, ExchangeEntry) and entry.pod and entry.subject:
            self._subjects[entry.pod] = entry.subject
            if len(self._subjects) > _MOST_PODS:
                self._subjects.popitem(last=False)

    def read_from(self, overlay: Path, access: Path) -> None:
        """Look for places in this overlay and this access model from now on."""
        self._access = access
        if self._sources:
            self._sources.overlay = overlay

    @property
    def _model(self) -> AccessModel:
        model = self._current()
        self._once_known.update(model.workloads)
        return model

    def _names(self, entry: ExchangeEntry) -> Iterator[str]:
        """The workloads that there were, and those that the service account and the pod may be named after."""
        yield from self._once_known - self._current().workloads.keys()
        yield from filter(None, (account_of(entry.subject), self._deployment_of(entry.pod)))

    def _client_id_of(self, account: str) -> str:
        for name, workload in self._model.workloads.items():
            if workload.serviceAccount == account:
                return client_id(name)
        return ""

    def _account_of(self, workload: str) -> str:
        known = self._model.workloads.get(workload)
        return known.serviceAccount if known else workload

    def _deployment_of(self, pod: str | None) -> str | None:
        """The workload that a pod is named after."""
        known = {*self._once_known, *self._current().workloads}
        return max((name for name in known if (pod or "").startswith(f"{name}-")), key=len, default=None)

    def _workload_in_file(self, name: str) -> str:
        """Where the workload stands in the access model."""
        number = 0
        inside = False
        for number, line in enumerate(_lines(self._access), 1):
            inside = inside or line.startswith("workloads:")
            if inside and line.strip().partition("#")[0].strip() == f"{name}:":
                return f"the workload {name} in {shown(self._access)}:{number}"
        return f"the workload {name} in {shown(self._access)}"

    def _place(self, kind: str, name: str, field: tuple[str, ...]) -> str:
        place = self._sources.place(kind, name, field) if self._sources else None
        return f" ({place})" if place else ""

    def _place_of_variable(self, name: str) -> str:
        place = self._sources.place_of_text(name) if self._sources else None
        return f" ({place})" if place else ""

    def _place_of_value(self, value: str, account: str) -> str:
        """The line that has the value, of several the one that names the service account."""
        places = self._sources.places_of_text(value) if self._sources else []
        if not places:
            return self._place("ServiceAccount", account, ("metadata", "annotations", CLIENT_ID))
        place = next((each for each, line in places if account and account in line), places[0][0])
        return f" ({place})"

    @property
    def _skips_containers(self) -> bool:
        """Whether the manifests tell the webhook to skip some container."""
        return bool(self._sources and self._sources.place_of_text(SKIP_CONTAINERS))


def account_of(subject: str | None) -> str:
    """Return the service account of a token's subject."""
    return (subject or "").rpartition(":")[2]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (OSError, ValueError):
        return []
