"""What to fix, and where: one sentence for each refusal that a learner can cause.

Each names the file on the laptop and, if it is about a role, the role and the scope. If a refusal has two possible
causes, it says which is the likelier and why.
"""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from localcloud.authorization import built_in_roles
from localcloud.authorization.audit import AccessEntry, ExchangeEntry
from localcloud.authorization.guard import CONTROL_PLANE, NO_GRANT
from localcloud.authorization.model import TENANT_ID, AccessModel, client_id, principal_id
from localcloud.authorization.roles import ControlAction, Role
from localcloud.authorization.workload import EXCHANGE_AUDIENCE, FederatedCredential, Workload
from localcloud.cluster.sources import Sources, shown
from localcloud.cluster.webhook import CLIENT_ID, LABEL
from localcloud.cluster.webhook import TENANT_ID as TENANT_ANNOTATION
from localcloud.entra.federation import Federation
from localcloud.operator import binding_advice


class Advice:
    """`access` is the file of the access model, `sources` the overlay's files."""

    def __init__(
        self,
        model: Callable[[], AccessModel],
        access: Path,
        federation: Federation,
        sources: Sources | None = None,
    ) -> None:
        self._current = model
        self._access = access
        self._federation = federation
        self._sources = sources
        self._once_known: set[str] = set()
        self._used: set[tuple[str | None, str]] = set()  # workloads and scopes that they were let through to

    def hear(self, entry: ExchangeEntry | AccessEntry) -> None:
        """Remembers what the workloads use, so that a role that none uses can be told from one that is needed."""
        self._once_known.update(self._current().workloads)
        if isinstance(entry, AccessEntry) and entry.allowed:
            self._used.add((entry.workload, entry.scope))

    @property
    def _model(self) -> AccessModel:
        model = self._current()
        self._once_known.update(model.workloads)
        return model

    def on_exchange(self, entry: ExchangeEntry) -> str | None:
        """The advice for a refused token exchange, or nothing if the code speaks for itself."""
        model = self._model
        if said := binding_advice.on_exchange(entry, model, self._federation, self._sources):
            return said
        match entry.result:
            case "AADSTS700016" | "IdentityBindingNotFound":
                return self._on_unknown_client(entry, model)
            case "AADSTS90002":
                return (
                    f"the tenant is {TENANT_ID}. Take the annotation {TENANT_ANNOTATION} away from the service account"
                    f" of {entry.pod or entry.subject or 'the pod'}, or correct it."
                )
            case "AADSTS700024":
                return (
                    "the projected token is not valid now: its times are in the sentence. Look at the cluster's clock,"
                    " and whether the pod reads the token's file again after it was renewed."
                )
            case "AADSTS7000272":
                return (
                    f"the issuer {entry.issuer} no longer publishes the key that signed the token: the cluster's key "
                    "was rotated. A fresh token helps: the kubelet writes one within the hour, a new pod has one now."
                )
            case "AADSTS90061":
                return f"the discovery document of {entry.issuer} can't be fetched: is the issuer reachable?"
        workload = model.workloads.get(entry.workload or "")
        if workload is None or entry.workload is None:
            return None
        match entry.result:
            case "AADSTS70025":
                return (
                    f"the federated credential of the identity {entry.workload} was deleted. Make it "
                    f"again, for the issuer {entry.issuer}, the subject {workload.subject} and the audience "
                    f"{EXCHANGE_AUDIENCE}: {self._workload_in_file(entry.workload)}."
                )
            case "AADSTS700211":
                return self._on_issuer(entry, entry.workload)
            case "AADSTS700212":
                trusted = self._nearest_trust(entry.workload, entry).audience
                if trusted != EXCHANGE_AUDIENCE:
                    return (
                        f"the federated credential of the identity {entry.workload} trusts the audience {trusted}, and "
                        f"projected tokens are for {EXCHANGE_AUDIENCE}. Correct the credential: "
                        f"{self._workload_in_file(entry.workload)}."
                    )
                return (
                    f"the identity {entry.workload} trusts tokens for the audience {EXCHANGE_AUDIENCE}, and the "
                    "projected token is for another: look at the pod's token volume."
                )
            case "AADSTS700213" | "AADSTS7002137" | "AADSTS7002138":
                return self._on_subject(entry, entry.workload, workload, model)
        return None

    def on_access(self, entry: AccessEntry) -> str | None:
        """The advice for a denied access."""
        model = self._model
        if entry.reason == CONTROL_PLANE:
            return (
                "no role of the data plane holds this: infrastructure makes and changes databases and containers "
                f"(infra/ on Azure, the entities of {shown(self._access)} here)."
            )
        if entry.reason != NO_GRANT:
            return f"the token was refused: {entry.reason}."
        if entry.workload is None:
            return (
                f"the principal {entry.principal} has no identity any more: its workload is gone from "
                f"{shown(self._access)}, and its access token lives on. Put the workload back if that was a mistake."
            )
        return (
            self._on_other_service_account(entry, model)
            or self._on_other_plane(entry, model)
            or self._on_other_scope(entry, model)
            or self._on_missing_role(entry, model)
        )

    def on_pod(self, reason: str, workload: str) -> str | None:
        """The advice for a pod that never asks for a token, by what the SDK's credential says that it lacks.

        The webhook gives a pod all three arguments, or, if the service account has no client id, all but that.
        """
        _before, found, lacking = reason.partition("Missing required arguments: ")
        if not found:
            return None
        template = ("spec", "template")
        if "token_file_path" in lacking:
            place = self._place("Deployment", workload, (*template, "metadata", "labels", LABEL))
            return f'the webhook has left the pod alone: it needs the label {LABEL}: "true", on the pod{place}.'
        account = self._account_of(workload)
        place = self._place("ServiceAccount", account, ("metadata", "annotations", CLIENT_ID))
        own = self._client_id_of(account)
        return f"the pod's service account needs the annotation {CLIENT_ID}{f': {own}' if own else ''}{place}."

    def on_service_account(self, workload: str, meant: str) -> tuple[str, str]:
        """The advice for a pod under another service account than `meant`, and the place of that field."""
        place = self._place("Deployment", workload, ("spec", "template", "spec", "serviceAccountName"))
        namespace, _, account = meant.partition("/")
        return f"set serviceAccountName to {account}, in the namespace {namespace}{place}.", place.strip(" ()")

    def _on_unknown_client(self, entry: ExchangeEntry, model: AccessModel) -> str:
        deleted = next((name for name in self._names(entry) if client_id(name) == entry.client_id.lower()), None)
        if deleted:
            return (
                f"the identity {deleted} was deleted: {shown(self._access)} has no workload {deleted} any more, and "
                "the annotation is right. Put the workload back; on Azure, a new identity has a new client id."
            )
        expected = self._expected_client(entry, model)
        place = self._place_of_value(entry.client_id, _account(entry.subject))
        return (
            f"no identity has the client id {entry.client_id}. Correct the annotation {CLIENT_ID} of the service "
            f"account{expected}{place}."
        )

    def _on_issuer(self, entry: ExchangeEntry, name: str) -> str:
        trusted = self._nearest_trust(name, entry).issuer
        if entry.issuer and trusted.rstrip("/") == entry.issuer.rstrip("/"):
            why = "They differ in the last slash alone, and must be equal to the letter."
        else:
            why = "It is another cluster's, or that of this one before it was made anew."
        return (
            f"the identity {name} trusts the issuer {trusted}, and the token is from {entry.issuer}. {why} Correct the "
            f"credential: {self._workload_in_file(name)}."
        )

    def _on_subject(self, entry: ExchangeEntry, name: str, workload: Workload, model: AccessModel) -> str:
        trusted = self._nearest_trust(name, entry).subject
        said = f"the identity {name} trusts {trusted} and the pod is {entry.subject}."
        own = next((each for each, other in model.workloads.items() if other.subject == entry.subject), None)
        account = _account(entry.subject)
        if trusted != workload.subject:
            return f"{said} The credential is wrong: {self._workload_in_file(name)}."
        if entry.result != "AADSTS700213":
            return f"{said} Upper and lower case count: write both alike, the service account as the credential has it."
        if own is not None and own != name and not self._pod_is_of(entry.pod, name):
            return (
                f"the client id is that of another workload: the service account {account} has {name}'s, and {said} "
                f"Write {own}'s own, {client_id(own)}, into the annotation {CLIENT_ID} of {account}"
                f"{self._place_of_value(entry.client_id, account)}."
            )
        deployment = self._deployment_of(entry.pod) or name
        field = ("spec", "template", "spec", "serviceAccountName")
        if account != workload.serviceAccount:
            place = self._place("Deployment", deployment, field)
            return (
                f"{said} Its client id is {name}'s, so the service account is likelier wrong than the credential: "
                f"correct serviceAccountName to {workload.serviceAccount}{place}."
            )
        return (
            f"{said} The namespace differs: move the pod to {workload.namespace}, or correct the namespace of the "
            f"workload {name} in {shown(self._access)}."
        )

    def _on_other_service_account(self, entry: AccessEntry, model: AccessModel) -> str | None:
        """The advice if the pod has another workload's identity, and the one it should have may do this."""
        meant = self._deployment_of(entry.pod)
        if meant is None or meant == entry.workload or meant not in model.workloads:
            return None
        if not model.allows(principal_id(meant), entry.action, entry.scope):
            return None
        field = ("spec", "template", "spec", "serviceAccountName")
        account = model.workloads[meant].serviceAccount
        return (
            f"the pod is {meant}'s and has the identity of {entry.workload}: it runs under the wrong service account. "
            f"That is likelier than a missing role, because {meant} may do this. Correct serviceAccountName to "
            f"{account}{self._place('Deployment', meant, field)}; grant {entry.workload} nothing."
        )

    def _on_other_plane(self, entry: AccessEntry, model: AccessModel) -> str | None:
        """The advice if a role that the workload has on the scope names the action, but not where Azure looks."""
        for name, role in model.roles_on(entry.principal or "", entry.scope).items():
            instead = self._grant(entry, model)
            if entry.scope.partition("/")[0] == "cosmos" and role.kind != "cosmos":
                return (
                    f"{name} is a role of Azure's, and Cosmos DB's data plane knows its own roles alone. Grant a role "
                    f"of the kind cosmos that holds the action: {instead}."
                )
            if role.names_on_other_plane(entry.action):
                if isinstance(entry.action, ControlAction):
                    return (
                        f"{name} holds the action among its dataActions, and Azure checks it on the control plane. "
                        f"Grant a role that holds it among its actions: {instead}."
                    )
                return (
                    f"{name}'s actions are the control plane's, and this is a data action: it is not data access. "
                    f"Grant a role that holds it among its dataActions: {instead}."
                )
        return None

    def _on_other_scope(self, entry: AccessEntry, model: AccessModel) -> str | None:
        """The advice if a role of the workload holds the action on a scope that is another workload's business."""
        name = entry.workload or ""
        others = {
            grant.scope for each, workload in model.workloads.items() if each != name for grant in workload.grants
        }
        for grant in model.workloads[name].grants:
            same_service = grant.scope.partition("/")[0] == entry.scope.partition("/")[0]
            misplaced = grant.scope != entry.scope and grant.scope in others and (name, grant.scope) not in self._used
            if same_service and misplaced and model.role(grant.role).allows(entry.action):
                return (
                    f"{name} has the role {grant.role} on {grant.scope}, which it never uses, and the action is on "
                    f"{entry.scope}. A role counts on its own scope alone: correct the scope to {entry.scope} in "
                    f"{self._workload_in_file(name)}."
                )
        return None

    def _on_missing_role(self, entry: AccessEntry, model: AccessModel) -> str:
        return (
            f"nothing grants {entry.action} on {entry.scope} to {entry.workload}, and its pod runs under the right "
            f"service account, so the role is missing: {self._grant(entry, model)}."
        )

    def _grant(self, entry: AccessEntry, model: AccessModel) -> str:
        """The role to be written into the access model: one of its own that nobody has is likely the one that was taken
        away; otherwise it is the smallest that holds the action."""
        granted = {grant.role for workload in model.workloads.values() for grant in workload.grants}
        of_cosmos = entry.scope.partition("/")[0] == "cosmos"
        fitting = [
            (name not in model.roles or name in granted, _size(role), name)
            for name, role in _roles(model)
            if role.allows(entry.action) and (role.kind == "cosmos") == of_cosmos
        ]
        role = min(fitting)[-1] if fitting else "one that holds the action"
        return f"add {{role: {role}, scope: {entry.scope}}} to {self._workload_in_file(entry.workload or '')}"

    def _workload_in_file(self, name: str) -> str:
        """Where the workload stands in the access model."""
        number = 0
        inside = False
        for number, line in enumerate(_lines(self._access), 1):
            inside = inside or line.startswith("workloads:")
            if inside and line.strip().partition("#")[0].strip() == f"{name}:":
                return f"the workload {name} in {shown(self._access)}:{number}"
        return f"the workload {name} in {shown(self._access)}"

    def _names(self, entry: ExchangeEntry) -> Iterator[str]:
        """The workloads that there were, and those that the service account and the pod may be named after."""
        yield from self._once_known - self._current().workloads.keys()
        yield from filter(None, (_account(entry.subject), self._deployment_of(entry.pod)))

    def _nearest_trust(self, workload: str, entry: ExchangeEntry) -> FederatedCredential:
        """The federated credential that is most like what was presented."""

        def likeness(credential: FederatedCredential) -> tuple[bool, bool, bool]:
            same_issuer = credential.issuer == entry.issuer
            nearly = credential.issuer.rstrip("/") == (entry.issuer or "").rstrip("/")
            return same_issuer, nearly, credential.subject == entry.subject

        return max(self._federation.credentials_of(workload), key=likeness)

    def _expected_client(self, entry: ExchangeEntry, model: AccessModel) -> str:
        for name, workload in model.workloads.items():
            if workload.subject == entry.subject:
                return f" {workload.serviceAccount} to {client_id(name)}"
        return ""

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

    def _pod_is_of(self, pod: str | None, workload: str) -> bool:
        return self._deployment_of(pod) == workload

    def _place(self, kind: str, name: str, field: tuple[str, ...]) -> str:
        place = self._sources.place(kind, name, field) if self._sources else None
        return f" ({place})" if place else ""

    def _place_of_value(self, value: str, account: str) -> str:
        """The line that has the value, of several the one that names the service account."""
        places = self._sources.places_of_text(value) if self._sources else []
        if not places:
            return self._place("ServiceAccount", account, ("metadata", "annotations", CLIENT_ID))
        place = next((each for each, line in places if account and account in line), places[0][0])
        return f" ({place})"


def _account(subject: str | None) -> str:
    return (subject or "").rpartition(":")[2]


def _roles(model: AccessModel) -> Iterator[tuple[str, Role]]:
    yield from model.roles.items()
    yield from ((name, known.role) for name, known in built_in_roles.catalogue().items() if name not in model.roles)


def _size(role: Role) -> int:
    """How many of the actions that Azure's roles name the role holds."""
    return sum(role.allows(action) for action in _all_actions())


@cache
def _all_actions() -> frozenset[str]:
    roles = [known.role for known in built_in_roles.catalogue().values()]
    control = (ControlAction(action) for role in roles for action in role.actions)
    return frozenset(action for role in roles for action in role.dataActions).union(control)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (OSError, ValueError):
        return []
