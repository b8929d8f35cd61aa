"""Reads the facts of the local cloud and of the cluster that runs on it."""

from localcloud.authorization.model import TENANT_ID, AccessModel, client_id
from localcloud.authorization.workload import Workload
from localcloud.cloud import Cloud
from localcloud.cluster.cluster import Cluster, RunningWorkload
from localcloud.cluster.keda.operator import Presented
from localcloud.cluster.resources import PodSpec
from localcloud.cluster.webhook import CLIENT_ID, LABEL, SKIP_CONTAINERS
from localcloud.cluster.webhook import TENANT_ID as TENANT_ANNOTATION
from localcloud.doctor.facts import (
    AbsentSecret,
    Access,
    Credential,
    Exchange,
    Facts,
    KnownIdentity,
    PendingRole,
    Remedies,
    Token,
    WideRole,
)
from localcloud.doctor.history import History
from localcloud.doctor.laptop_remedies import LaptopRemedies
from localcloud.doctor.spelling import misspelt
from localcloud.entra.assertions import UnverifiedAssertion
from localcloud.entra.errors import EntraError
from localcloud.operator.advice import Advice

_MUTATED, _PRESENTED = "AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_ID"


class Laptop:
    """The local cloud as a place to be examined."""

    def __init__(self, cloud: Cloud, cluster: Cluster, history: History, advice: Advice) -> None:
        self._cloud = cloud
        self._cluster = cluster
        self._history = history
        self._advice = advice
        self.remedies: Remedies = LaptopRemedies(advice)

    def facts(self) -> list[Facts]:
        """Those of every Deployment and CronJob that the access model names, or that asks for a token."""
        model = self._cloud.model()
        found = [
            self._facts(each, model)
            for each in self._cluster.workloads()
            if each.name in model.workloads or LABEL in each.template.metadata.labels
        ]
        return [*found, *(self._of_keda(each, model) for each in self._cluster.presented_by_keda())]

    def _of_keda(self, presented: Presented, model: AccessModel) -> Facts:
        """Those of KEDA's operator, which is always labelled and mutated: its client id stands in its triggers."""
        own = _workload_of(presented.account, model)
        meant = model.workloads.get(own or "")
        accesses = self._accesses(presented.pod, model)
        return Facts(
            workload=own or presented.pod.rpartition("-")[0],
            kind="TriggerAuthentication",
            owner=presented.account.partition("/")[2],
            refused="",
            pod=presented.pod,
            ready=all(access.allowed for access in accesses),
            lacks="",
            label="true",
            label_elsewhere=(),
            label_misspelt="",
            mutated=True,
            skipped=False,
            account=presented.account,
            account_exists=True,
            meant_account=presented.account,
            annotation=presented.client_id,
            annotation_elsewhere=(),
            annotation_misspelt="",
            pod_client_id=presented.client_id,
            container_client_id=False,
            tenant=TENANT_ID,
            own_tenant=TENANT_ID,
            own=self._identity(own) if own else None,
            found=self._identity_of(presented.client_id, model),
            token=_token([presented.token]),
            now=self._cloud.clock(),
            exchange=self._exchange(presented.pod),
            accesses=accesses,
            pending=self._pending(own or ""),
            wide=_wide(meant, accesses),
        )

    def _facts(self, each: RunningWorkload, model: AccessModel) -> Facts:
        annotations = each.account.metadata.annotations if each.account else {}
        annotation = annotations.get(CLIENT_ID)
        namespace, account = each.manifest.metadata.namespace, each.template.spec.service_account_name
        meant = model.workloads.get(each.name)
        own = _workload_of(f"{namespace}/{account}", model)
        pod = each.pod
        presented = _variable(pod.spec, _PRESENTED) if pod else None
        accesses = self._accesses(pod.name, model) if pod else ()
        return Facts(
            workload=each.name,
            kind=each.manifest.kind,
            owner=each.name,
            refused=self._cluster.refusal_of(each.manifest.kind, each.name),
            pod=pod.name if pod else "",
            ready=pod.ready if pod else False,
            lacks=pod.status if pod else each.refusal,
            label=each.template.metadata.labels.get(LABEL),
            label_elsewhere=_elsewhere(each, LABEL, labels=True),
            label_misspelt=misspelt(LABEL, each.template.metadata.labels),
            mutated=_variable(pod.spec, _MUTATED) is not None if pod else None,
            skipped=SKIP_CONTAINERS in each.template.metadata.annotations,
            account=f"{namespace}/{account}",
            account_exists=each.account is not None,
            meant_account=f"{meant.namespace}/{meant.serviceAccount}" if meant else "",
            annotation=annotation,
            annotation_elsewhere=_elsewhere(each, CLIENT_ID, labels=False),
            annotation_misspelt=misspelt(CLIENT_ID, annotations),
            pod_client_id=presented,
            container_client_id=_variable(each.template.spec, _PRESENTED) is not None,
            tenant=annotations.get(TENANT_ANNOTATION, TENANT_ID),
            own_tenant=TENANT_ID,
            own=self._identity(own) if own else None,
            found=self._identity_of(presented or annotation, model),
            token=_token(pod.projected_tokens()) if pod else None,
            now=self._cloud.clock(),
            exchange=self._exchange(pod.name) if pod else None,
            accesses=accesses,
            pending=self._pending(each.name),
            wide=_wide(meant, accesses),
            absent=self._absent(meant),
        )

    def _pending(self, workload: str) -> tuple[PendingRole, ...]:
        pending = self._cloud.roles.pending(workload)
        return tuple(PendingRole(each.what, each.grant.role, each.grant.scope, each.until) for each in pending)

    def _absent(self, meant: Workload | None) -> tuple[AbsentSecret, ...]:
        """The secrets that the workload is granted and that the vault does not have."""
        scopes = [grant.scope.partition("/") for grant in meant.grants] if meant else []
        named = [entity for service, _, entity in scopes if service == "keyVault" and entity != "*"]
        vault = self._cloud.secrets
        return tuple(
            AbsentSecret(name, vault.get_deleted(name) is not None)
            for name in dict.fromkeys(named)
            if vault.get(name) is None
        )

    def _identity(self, name: str) -> KnownIdentity:
        trusts = self._cloud.federation.credentials_of(name)
        credentials = tuple(Credential(each.issuer, each.subject, each.audience) for each in trusts)
        return KnownIdentity(name, client_id(name), credentials)

    def _identity_of(self, annotation: str | None, model: AccessModel) -> KnownIdentity | None:
        name = next((name for name in model.workloads if annotation and client_id(name) == annotation.lower()), None)
        return self._identity(name) if name else None

    def _exchange(self, pod: str) -> Exchange | None:
        last = self._history.exchange_of(pod)
        if last is None:
            return None
        return Exchange("" if last.result == "ok" else last.result, last.detail or "")

    def _accesses(self, pod: str, model: AccessModel) -> tuple[Access, ...]:
        return tuple(
            Access(
                action=entry.action,
                scope=entry.scope,
                allowed=entry.allowed,
                granted=model.allows(entry.principal or "", entry.action, entry.scope),
                reason=entry.reason or "",
                roles=tuple(model.roles_on(entry.principal or "", entry.scope)),
            )
            for entry in self._history.accesses_of(pod)
        )


def _workload_of(account: str, model: AccessModel) -> str | None:
    """The workload whose identity is meant for this service account, `namespace/name`."""
    return next((n for n, w in model.workloads.items() if f"{w.namespace}/{w.serviceAccount}" == account), None)


def _wide(meant: Workload | None, accesses: tuple[Access, ...]) -> tuple[WideRole, ...]:
    """The roles on a whole service of which the pod has used single entities alone."""
    found = []
    for grant in meant.grants if meant else ():
        service, _, entity = grant.scope.partition("/")
        used = dict.fromkeys(a.scope for a in accesses if a.allowed and a.scope.partition("/")[0] == service)
        if entity == "*" and used and grant.scope not in used:
            found.append(WideRole(grant.role, grant.scope, tuple(used)))
    return tuple(found)


def _elsewhere(each: RunningWorkload, key: str, *, labels: bool) -> tuple[str, ...]:
    """The objects around the pod that carry the label or annotation in vain."""
    objects = {each.manifest.kind: each.manifest.metadata}
    if labels and each.account:
        objects["ServiceAccount"] = each.account.metadata
    if not labels:
        objects["pod"] = each.template.metadata
    return tuple(
        name for name, metadata in objects.items() if key in (metadata.labels if labels else metadata.annotations)
    )


def _variable(spec: PodSpec, name: str) -> str | None:
    """The value of the variable in the first container that sets it."""
    return next((each.value for container in spec.containers for each in container.env if each.name == name), None)


def _token(tokens: list[str]) -> Token | None:
    for text in tokens:
        try:
            read = UnverifiedAssertion.read(text)
        except EntraError:
            continue
        return Token(read.issuer, read.subject, read.audiences, read.not_before, read.expires)
    return None
