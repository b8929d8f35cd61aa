"""Reads the facts of the local cloud and of the cluster that runs on it."""

from localcloud.authorization.audit import AccessEntry, ExchangeEntry
from localcloud.authorization.model import TENANT_ID, AccessModel, client_id, principal_id
from localcloud.cloud import Cloud
from localcloud.cluster.cluster import Cluster, RunningWorkload
from localcloud.cluster.webhook import CLIENT_ID, LABEL
from localcloud.cluster.webhook import TENANT_ID as TENANT_ANNOTATION
from localcloud.doctor.facts import Access, Credential, Exchange, Facts, Identity, Remedies, Remedy, Token
from localcloud.doctor.history import History
from localcloud.entra.assertions import UnverifiedAssertion
from localcloud.entra.errors import EntraError
from localcloud.operator.advice import Advice

_MUTATED = "AZURE_FEDERATED_TOKEN_FILE"


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
        return [
            self._facts(each, model)
            for each in self._cluster.workloads()
            if each.name in model.workloads or LABEL in each.template.metadata.labels
        ]

    def _facts(self, each: RunningWorkload, model: AccessModel) -> Facts:
        annotations = each.account.metadata.annotations if each.account else {}
        annotation = annotations.get(CLIENT_ID)
        namespace, account = each.manifest.metadata.namespace, each.template.spec.service_account_name
        meant = model.workloads.get(each.name)
        own = next(
            (n for n, w in model.workloads.items() if (w.namespace, w.serviceAccount) == (namespace, account)), None
        )
        pod = each.pod
        return Facts(
            workload=each.name,
            kind=each.manifest.kind,
            pod=pod.name if pod else "",
            ready=pod.ready if pod else False,
            lacks=pod.status if pod else each.refusal,
            label=each.template.metadata.labels.get(LABEL),
            label_elsewhere=_elsewhere(each, LABEL, labels=True),
            mutated=any(v.name == _MUTATED for c in pod.spec.containers for v in c.env) if pod else None,
            account=f"{namespace}/{account}",
            account_exists=each.account is not None,
            meant_account=f"{meant.namespace}/{meant.serviceAccount}" if meant else "",
            annotation=annotation,
            annotation_elsewhere=_elsewhere(each, CLIENT_ID, labels=False),
            tenant=annotations.get(TENANT_ANNOTATION, TENANT_ID),
            own_tenant=TENANT_ID,
            own=self._identity(own) if own else None,
            found=self._identity_of(annotation, model),
            token=_token(pod.projected_tokens()) if pod else None,
            now=self._cloud.clock(),
            exchange=self._exchange(pod.name) if pod else None,
            accesses=self._accesses(pod.name, model) if pod else (),
        )

    def _identity(self, name: str) -> Identity:
        trusts = self._cloud.federation.credentials_of(name)
        credentials = tuple(Credential(each.issuer, each.subject, each.audience) for each in trusts)
        return Identity(name, client_id(name), credentials)

    def _identity_of(self, annotation: str | None, model: AccessModel) -> Identity | None:
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


class LaptopRemedies:
    """What to edit on the laptop: the sentences of the terminal."""

    def __init__(self, advice: Advice) -> None:
        self._advice = advice

    def label(self, facts: Facts) -> Remedy:
        return self._lacking(facts, "'token_file_path'")

    def mutation(self, facts: Facts) -> Remedy:
        if facts.lacks.startswith("FailedCreate"):
            return Remedy(f"the pod is not admitted: {facts.lacks.partition(': ')[2]}. Correct what it names.")
        return Remedy("the pod was made before it had its label: `make restart` makes a new one.")

    def service_account(self, facts: Facts) -> Remedy:
        return Remedy(*self._advice.on_service_account(facts.workload, facts.meant_account or facts.account))

    def annotation(self, facts: Facts) -> Remedy:
        return self._lacking(facts, "'client_id'")

    def tenant(self, facts: Facts) -> Remedy:
        return self._exchange(facts, "AADSTS90002", None)

    def client_id(self, facts: Facts) -> Remedy:
        if facts.found is None:
            return self._exchange(facts, "AADSTS700016", None)
        return self._exchange(facts, "AADSTS700213", facts.found.name)

    def credential(self, facts: Facts, code: str) -> Remedy:
        return self._exchange(facts, code, facts.found.name if facts.found else None)

    def exchange(self, facts: Facts) -> Remedy:
        code = facts.exchange.code if facts.exchange and facts.exchange.code else "AADSTS700024"
        return self._exchange(facts, code, facts.found.name if facts.found else None)

    def role(self, facts: Facts, access: Access) -> Remedy:
        name = facts.found.name if facts.found else ""
        principal = principal_id(name)
        denied = AccessEntry(
            principal, name, facts.pod, None, access.action, access.scope, allowed=False, reason="no grant"
        )
        return Remedy(self._advice.on_access(denied) or "")

    def _lacking(self, facts: Facts, argument: str) -> Remedy:
        said = f"Missing required arguments: {argument}."
        return Remedy(self._advice.on_pod(said, facts.workload) or "")

    def _exchange(self, facts: Facts, code: str, workload: str | None) -> Remedy:
        token = facts.token
        namespace, _, account = facts.account.partition("/")
        entry = ExchangeEntry(
            client_id=facts.annotation or "",
            workload=workload,
            pod=facts.pod or None,
            issuer=token.issuer if token else None,
            subject=token.subject if token else f"system:serviceaccount:{namespace}:{account}",
            resource=None,
            result=code,
            uti=None,
        )
        return Remedy(self._advice.on_exchange(entry) or (facts.exchange.text if facts.exchange else ""))


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


def _token(tokens: list[str]) -> Token | None:
    for text in tokens:
        try:
            read = UnverifiedAssertion.read(text)
        except EntraError:
            continue
        return Token(read.issuer, read.subject, read.audiences, read.not_before, read.expires)
    return None
