"""What the doctor must know of a workload. Each place that can be examined reads these facts in its own way."""

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Token:
    """What a projected token says of itself. Times are Unix times, and None if the token itself can't be read."""

    issuer: str
    subject: str
    audiences: tuple[str, ...]
    not_before: float | None
    expires: float | None


@dataclass(frozen=True, slots=True)
class Credential:
    """A federated credential: whom an identity trusts."""

    issuer: str
    subject: str
    audience: str


@dataclass(frozen=True, slots=True)
class KnownIdentity:
    """An identity in Entra, with whom it trusts."""

    name: str
    client_id: str
    credentials: tuple[Credential, ...]


@dataclass(frozen=True, slots=True)
class Exchange:
    """The last answer of Entra to the workload's newest pod: `code` is empty if there was a token."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Access:
    """The last answer of a service to the workload, for one action on one scope.

    `granted` says whether a role that the workload has now holds the action there.
    """

    action: str
    scope: str
    allowed: bool
    granted: bool
    reason: str
    roles: tuple[str, ...]  # that the workload has on the scope


@dataclass(frozen=True, slots=True)
class PendingRole:
    """A role that was given or taken away a short time ago, and does not count as such before `until` (Unix time)."""

    what: Literal["given", "taken"]
    role: str
    scope: str
    until: float


@dataclass(frozen=True, slots=True)
class WideRole:
    """A role whose scope is wider than what the workload uses it on."""

    role: str
    scope: str
    used: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AbsentSecret:
    """A secret that the workload has a role on, and that the vault does not have.

    `deleted` says that it can be recovered.
    """

    name: str
    deleted: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """One workload, and the Deployment or CronJob that runs it (`kind` and `owner`).

    `refused` says why its manifest as it is written now was not taken, and is empty if it was. `pod` is its newest pod,
    empty if there is none, and `lacks` why that is not ready. `label` is that of the pod template, None if it has none.
    `label_elsewhere` names the objects that carry it where it counts for nothing, and `label_misspelt` is a label whose
    key is nearly this one. `mutated` is None if there is no pod to look at; `skipped` says that an annotation tells the
    webhook to leave a container alone. `account` is the service account as `namespace/name`; `annotation` is its client
    id, and None stands for no such annotation. `pod_client_id` is the one that the pod was made with, None if it has
    none, and `container_client_id` says that the pod template sets it. `tenant` is where the pod asks, and `own_tenant`
    where the identities are. `own` is the identity that is meant for the workload, if that is known, and `found` the
    one that has the client id which the pod presents. `accesses` is None if they can't be known.
    """

    workload: str
    kind: str
    owner: str
    refused: str
    pod: str
    ready: bool
    lacks: str
    label: str | None
    label_elsewhere: tuple[str, ...]
    label_misspelt: str
    mutated: bool | None
    skipped: bool
    account: str
    account_exists: bool
    meant_account: str
    annotation: str | None
    annotation_elsewhere: tuple[str, ...]
    annotation_misspelt: str
    pod_client_id: str | None
    container_client_id: bool
    tenant: str
    own_tenant: str
    own: KnownIdentity | None
    found: KnownIdentity | None
    token: Token | None
    now: float
    exchange: Exchange | None
    accesses: tuple[Access, ...] | None
    pending: tuple[PendingRole, ...] = ()
    wide: tuple[WideRole, ...] = ()
    absent: tuple[AbsentSecret, ...] = ()

    @property
    def client_id(self) -> str | None:
        """The one that the pod presents."""
        return self.pod_client_id or self.annotation


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do, and the file and line if they are known."""

    fix: str
    place: str = ""


class Remedies(Protocol):
    """How each broken link is mended in the place that is examined."""

    def manifest(self, facts: Facts) -> Remedy: ...
    def label(self, facts: Facts) -> Remedy: ...
    def mutation(self, facts: Facts) -> Remedy: ...
    def service_account(self, facts: Facts) -> Remedy: ...
    def annotation(self, facts: Facts) -> Remedy: ...
    def tenant(self, facts: Facts) -> Remedy: ...
    def client_id(self, facts: Facts) -> Remedy: ...
    def credential(self, facts: Facts, code: str) -> Remedy: ...
    def exchange(self, facts: Facts) -> Remedy: ...
    def role(self, facts: Facts, access: Access) -> Remedy: ...
    def pending(self, facts: Facts, role: PendingRole) -> Remedy: ...
    def wide(self, facts: Facts, role: WideRole) -> Remedy: ...
    def secret(self, facts: Facts, secret: AbsentSecret) -> Remedy: ...


class Reading(Protocol):
    """A place that can be examined."""

    @property
    def remedies(self) -> Remedies: ...

    def facts(self) -> list[Facts]: ...
