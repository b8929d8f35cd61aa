"""What advice is made from: the access model and its file, the manifests, and what was heard so far."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from localcloud.authorization.audit import AccessEntry, ExchangeEntry
from localcloud.authorization.model import AccessModel, client_id
from localcloud.authorization.workload import FederatedCredential
from localcloud.cluster.sources import Sources, shown
from localcloud.cluster.webhook import CLIENT_ID, SKIP_CONTAINERS
from localcloud.entra.federation import Federation

_MOST_PODS = 5_000  # whose service account is remembered


class Known:
    """`access` is the file of the access model, `sources` the overlay's files.

    `once_known` are the workloads that there were, `used` the workloads and scopes that they were let through to,
    `subjects` those of the pods that asked for a token, `first_grants` the grants of the beginning.
    """

    def __init__(
        self, model: Callable[[], AccessModel], access: Path, federation: Federation, sources: Sources | None
    ) -> None:
        self.current = model
        self.access = access
        self.federation = federation
        self.sources = sources
        self.once_known: set[str] = set()
        self.used: set[tuple[str | None, str]] = set()
        self.subjects: OrderedDict[str, str] = OrderedDict()
        self.first_grants = {(n, g.role, g.scope) for n, w in model().workloads.items() for g in w.grants}

    def hear(self, entry: ExchangeEntry | AccessEntry) -> None:
        """Remembers what the workloads use, so that a role that none uses can be told from one that is needed."""
        self.once_known.update(self.current().workloads)
        if isinstance(entry, AccessEntry) and entry.allowed:
            self.used.add((entry.workload, entry.scope))
        if isinstance(entry, ExchangeEntry) and entry.pod and entry.subject:
            self.subjects[entry.pod] = entry.subject
            if len(self.subjects) > _MOST_PODS:
                self.subjects.popitem(last=False)

    def read_from(self, overlay: Path, access: Path) -> None:
        """Look for places in this overlay and this access model from now on."""
        self.access = access
        if self.sources:
            self.sources.overlay = overlay

    @property
    def model(self) -> AccessModel:
        model = self.current()
        self.once_known.update(model.workloads)
        return model

    def workload_in_file(self, name: str) -> str:
        """Where the workload stands in the access model."""
        number = 0
        inside = False
        for number, line in enumerate(_lines(self.access), 1):
            inside = inside or line.startswith("workloads:")
            if inside and line.strip().partition("#")[0].strip() == f"{name}:":
                return f"the workload {name} in {shown(self.access)}:{number}"
        return f"the workload {name} in {shown(self.access)}"

    def nearest_trust(self, workload: str, entry: ExchangeEntry) -> FederatedCredential:
        """The federated credential that is most like what was presented."""

        def likeness(credential: FederatedCredential) -> tuple[bool, bool, bool]:
            same_issuer = credential.issuer == entry.issuer
            nearly = credential.issuer.rstrip("/") == (entry.issuer or "").rstrip("/")
            return same_issuer, nearly, credential.subject == entry.subject

        return max(self.federation.credentials_of(workload), key=likeness)

    def client_id_of(self, account: str) -> str:
        for name, workload in self.model.workloads.items():
            if workload.serviceAccount == account:
                return client_id(name)
        return ""

    def account_of(self, workload: str) -> str:
        known = self.model.workloads.get(workload)
        return known.serviceAccount if known else workload

    def deployment_of(self, pod: str | None) -> str | None:
        """The workload that a pod is named after."""
        known = {*self.once_known, *self.current().workloads}
        return max((name for name in known if (pod or "").startswith(f"{name}-")), key=len, default=None)

    def place(self, kind: str, name: str, field: tuple[str, ...]) -> str:
        place = self.sources.place(kind, name, field) if self.sources else None
        return f" ({place})" if place else ""

    def place_of_variable(self, name: str) -> str:
        place = self.sources.place_of_text(name) if self.sources else None
        return f" ({place})" if place else ""

    @property
    def skips_containers(self) -> bool:
        """Whether the manifests tell the webhook to skip some container."""
        return bool(self.sources and self.sources.place_of_text(SKIP_CONTAINERS))

    def place_of_value(self, value: str, account: str) -> str:
        """The line that has the value, of several the one that names the service account."""
        places = self.sources.places_of_text(value) if self.sources else []
        if not places:
            return self.place("ServiceAccount", account, ("metadata", "annotations", CLIENT_ID))
        place = next((each for each, line in places if account and account in line), places[0][0])
        return f" ({place})"


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (OSError, ValueError):
        return []
