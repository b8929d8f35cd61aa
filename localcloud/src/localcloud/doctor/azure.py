"""Reads the facts of a real cluster and its identities with kubectl and az. Every command here only reads.

The token's times stay unknown: they stand in the token, which nothing but its pod reads. Entra's last answer to a pod
is looked for in the pod's log.
"""

import re
import time
from collections.abc import Callable

from localcloud.authorization.model import AccessModel
from localcloud.authorization.workload import Workload
from localcloud.cluster.webhook import CLIENT_ID, LABEL, SKIP_CONTAINERS
from localcloud.cluster.webhook import TENANT_ID as TENANT_ANNOTATION
from localcloud.doctor import azure_roles
from localcloud.doctor.azure_remedies import AzureRemedies, Deployed
from localcloud.doctor.azure_secrets import Secrets
from localcloud.doctor.commands import CommandFailed, Commands, Object, Run, run
from localcloud.doctor.facts import Credential, Exchange, Facts, KnownIdentity, Remedies, Token
from localcloud.doctor.spelling import misspelt

__all__ = ["Azure", "CommandFailed", "Deployed", "run"]

_REFUSED = re.compile(r"(AADSTS\d+): ([^\"\\]{1,400}?)(?: Trace ID| ?\\r|\"|$)", re.MULTILINE)


class Azure:
    """A cluster and its resource group as a place to be examined. `model` is what is meant to be granted."""

    def __init__(self, deployed: Deployed, model: AccessModel, run: Run = run, now: Callable[[], float] = time.time):
        self._deployed = deployed
        self._model = model
        self._commands = Commands(deployed.resource_group, run)
        self._roles = azure_roles.Roles(self._commands)
        self._secrets = Secrets(self._commands)
        self._now = now
        self.remedies: Remedies = AzureRemedies(deployed)

    def facts(self) -> list[Facts]:
        """Those of every Deployment and CronJob of a workload of the access model. Raises `CommandFailed`."""
        identities = {each["clientId"].lower(): each for each in self._commands.az("identity", "list")}
        issuer = self._commands.issuer()
        found = []
        for namespace in dict.fromkeys(workload.namespace for workload in self._model.workloads.values()):
            accounts = {each["metadata"]["name"]: each for each in self._commands.objects("serviceaccounts", namespace)}
            pods = sorted(self._commands.objects("pods", namespace), key=_created)
            for kind in ("deployments", "cronjobs"):
                for owner in self._commands.objects(kind, namespace):
                    if name := self._workload_of(owner, namespace):
                        found.append(self._facts(name, owner, accounts, pods, identities, issuer))
        return found

    def _workload_of(self, owner: Object, namespace: str) -> str | None:
        """The workload of the access model that has the owner's name, or else its service account: KEDA's operator."""
        name, account = owner["metadata"]["name"], _template(owner)["spec"].get("serviceAccountName", "default")
        if name in self._model.workloads and self._model.workloads[name].namespace == namespace:
            return str(name)
        ours = {(each.namespace, each.serviceAccount): known for known, each in self._model.workloads.items()}
        known = ours.get((namespace, account))
        return known if known and known != account and account == name else None

    def _facts(
        self,
        name: str,
        owner: Object,
        accounts: dict[str, Object],
        pods: list[Object],
        identities: dict[str, Object],
        issuer: str,
    ) -> Facts:
        meant, template = self._model.workloads[name], _template(owner)
        namespace = meant.namespace
        account_name = template["spec"].get("serviceAccountName", "default")
        account = accounts.get(account_name)
        annotations = _part(account or {}, "annotations")
        annotation = annotations.get(CLIENT_ID) or self._of_trigger(name, meant)
        selected = owner["spec"].get("selector", {}).get("matchLabels", {"": name})
        pod = next((each for each in reversed(pods) if selected.items() <= _part(each, "labels").items()), None)
        presented = _variable(pod["spec"], "AZURE_CLIENT_ID") if pod else None
        own = next((each for each in identities.values() if each["name"] == f"{self._deployed.name}-{name}"), None)
        found = identities.get((presented or annotation or "").lower())
        own_tenant = str((own or found or {}).get("tenantId", ""))
        audience, ready = _audience(pod), _is_ready(pod)
        subject = f"system:serviceaccount:{namespace}:{account_name}"
        assigned = self._roles.of(found["principalId"]) if found else []
        log = self._log(pod, namespace) if pod and not ready else ""
        now = self._now()
        return Facts(
            workload=name,
            kind=owner["kind"],
            owner=owner["metadata"]["name"],
            refused="",
            pod=pod["metadata"]["name"] if pod else "",
            ready=ready,
            lacks=log,
            label=_part(template, "labels").get(LABEL),
            label_elsewhere=tuple(
                kind
                for kind, each in ((owner["kind"], owner), ("ServiceAccount", account or {}))
                if LABEL in _part(each, "labels")
            ),
            label_misspelt=misspelt(LABEL, _part(template, "labels")),
            mutated=_is_mutated(pod) if pod else None,
            skipped=SKIP_CONTAINERS in _part(template, "annotations"),
            account=f"{namespace}/{account_name}",
            account_exists=account is not None,
            meant_account=f"{meant.namespace}/{meant.serviceAccount}",
            annotation=annotation,
            annotation_elsewhere=tuple(
                kind
                for kind, each in ((owner["kind"], owner), ("pod", template))
                if CLIENT_ID in _part(each, "annotations")
            ),
            annotation_misspelt=misspelt(CLIENT_ID, annotations),
            pod_client_id=presented,
            container_client_id=_variable(template["spec"], "AZURE_CLIENT_ID") is not None,
            tenant=annotations.get(TENANT_ANNOTATION, own_tenant),
            own_tenant=own_tenant,
            own=self._identity(own) if own else None,
            found=self._identity(found) if found else None,
            token=Token(issuer, subject, (audience,), None, None) if audience else None,
            now=now,
            exchange=_exchange(log),
            accesses=azure_roles.accesses(meant, assigned) if found else None,
            pending=azure_roles.pending(meant, assigned, now) if not ready else (),
            wide=azure_roles.wide(meant, assigned),
            absent=self._secrets.absent(meant),
        )

    def _identity(self, identity: Object) -> KnownIdentity:
        listed = self._commands.az("identity", "federated-credential", "list", "--identity-name", identity["name"])
        trusts = tuple(Credential(each["issuer"], each["subject"], each["audiences"][0]) for each in listed)
        return KnownIdentity(identity["name"], identity["clientId"], trusts)

    def _of_trigger(self, name: str, meant: Workload) -> str | None:
        """The client id that KEDA's operator asks with, which a TriggerAuthentication of its name has.

        https://keda.sh/docs/latest/authentication-providers/azure-ad-workload-identity/
        """
        namespaces = {each.namespace for each in self._model.workloads.values()} - {meant.namespace}
        for namespace in namespaces:
            try:
                triggers = self._commands.objects("triggerauthentications.keda.sh", namespace)
            except CommandFailed:  # a cluster without KEDA does not know the kind
                continue
            for each in triggers:
                identity = each["spec"].get("podIdentity", {}).get("identityId")
                if each["metadata"]["name"] == name and identity:
                    return str(identity)
        return None

    def _log(self, pod: Object, namespace: str) -> str:
        try:
            return self._commands.log(pod["metadata"]["name"], namespace)
        except CommandFailed:  # a pod that has not begun has none
            return ""


def _template(owner: Object) -> Object:
    spec = owner["spec"]
    return dict((spec["jobTemplate"]["spec"] if owner["kind"] == "CronJob" else spec)["template"])


def _created(item: Object) -> str:
    return str(item["metadata"]["creationTimestamp"])


def _part(item: Object, part: str) -> dict[str, str]:
    return (item.get("metadata") or {}).get(part) or {}


def _is_ready(pod: Object | None) -> bool:
    conditions = pod["status"].get("conditions", []) if pod else []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _variable(spec: Object, name: str) -> str | None:
    """The value of the variable in the first container that sets it."""
    set_by = (each for container in spec.get("containers", []) for each in container.get("env", []))
    return next((each.get("value", "") for each in set_by if each["name"] == name), None)


def _is_mutated(pod: Object) -> bool:
    """Whether the webhook has given a container its variables, and the pod its token."""
    return _audience(pod) is not None and _variable(pod["spec"], "AZURE_FEDERATED_TOKEN_FILE") is not None


def _audience(pod: Object | None) -> str | None:
    """Of the token that the webhook has mounted, None if it has mounted none."""
    for volume in pod["spec"].get("volumes", []) if pod else []:
        if volume["name"].startswith("azure-"):
            for source in volume.get("projected", {}).get("sources", []):
                if "serviceAccountToken" in source:
                    return str(source["serviceAccountToken"]["audience"])
    return None


def _exchange(log: str) -> Exchange | None:
    """Entra's last refusal that the log quotes, None if it quotes none."""
    refusals = _REFUSED.findall(log)
    return Exchange(*refusals[-1]) if refusals else None
