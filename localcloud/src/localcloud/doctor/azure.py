"""Reads the facts of a real cluster and its identities with kubectl and az. Every command here only reads.

What can't be read without a workload's own token stays unknown: the token's times, the exchange, and Cosmos DB's roles.
"""

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.authorization.model import AccessModel
from localcloud.authorization.workload import Workload
from localcloud.cluster.webhook import CLIENT_ID, LABEL
from localcloud.cluster.webhook import TENANT_ID as TENANT_ANNOTATION
from localcloud.doctor.facts import Access, Credential, Facts, Identity, Remedies, Remedy, Token

Run = Callable[[Sequence[str]], str]
Object = dict[str, Any]

_ENTITIES = {  # as they stand in a resource's id: the provider, and the kind of entity
    "keyVault": ("microsoft.keyvault", "secrets"),
    "serviceBus": ("microsoft.servicebus", "queues"),
    "blob": ("microsoft.storage", "containers"),
}


class CommandFailed(Exception):
    """kubectl or az can't answer; the message is its own."""


def run(command: Sequence[str]) -> str:
    """What the command prints. Raises `CommandFailed`."""
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - ours alone
    except FileNotFoundError as error:
        raise CommandFailed(f"{command[0]} is not installed") from error
    except subprocess.CalledProcessError as error:
        raise CommandFailed(f"{' '.join(command[:3])}: {error.stderr.strip()}") from error


@dataclass(frozen=True, slots=True)
class Deployed:
    """Where the application is. An identity is named `<name>-<workload>`."""

    name: str
    namespace: str
    resource_group: str


class Azure:
    """A cluster and its resource group as a place to be examined. `model` is what is meant to be granted."""

    def __init__(self, deployed: Deployed, model: AccessModel, run: Run = run, now: Callable[[], float] = time.time):
        self._deployed = deployed
        self._model = model
        self._run = run
        self._now = now
        self.remedies: Remedies = AzureRemedies(deployed)

    def facts(self) -> list[Facts]:
        """Those of every Deployment and CronJob that the access model names. Raises `CommandFailed`."""
        identities = {each["clientId"].lower(): each for each in self._az("identity", "list")}
        issuer = str(json.loads(self._run(["kubectl", "get", "--raw", "/.well-known/openid-configuration"]))["issuer"])
        accounts = {each["metadata"]["name"]: each for each in self._kubectl("serviceaccounts")}
        pods = sorted(self._kubectl("pods"), key=lambda pod: pod["metadata"]["creationTimestamp"])
        owners = [*self._kubectl("deployments"), *self._kubectl("cronjobs")]
        return [
            self._facts(owner, accounts, pods, identities, issuer)
            for owner in owners
            if owner["metadata"]["name"] in self._model.workloads
        ]

    def _facts(
        self, owner: Object, accounts: dict[str, Object], pods: list[Object], identities: dict[str, Object], issuer: str
    ) -> Facts:
        name, namespace = owner["metadata"]["name"], self._deployed.namespace
        spec = owner["spec"]
        template = (spec["jobTemplate"]["spec"] if owner["kind"] == "CronJob" else spec)["template"]
        account_name = template["spec"].get("serviceAccountName", "default")
        account = accounts.get(account_name)
        annotations = _part(account or {}, "annotations")
        selected = spec.get("selector", {}).get("matchLabels", {"": name})
        pod = next((each for each in reversed(pods) if selected.items() <= _part(each, "labels").items()), None)
        meant = self._model.workloads[name]
        own = next((each for each in identities.values() if each["name"] == f"{self._deployed.name}-{name}"), None)
        found = identities.get(annotations.get(CLIENT_ID, "").lower())
        own_tenant = str((own or found or {}).get("tenantId", ""))
        audience = _audience(pod)
        subject = f"system:serviceaccount:{namespace}:{account_name}"
        return Facts(
            workload=name,
            kind=owner["kind"],
            pod=pod["metadata"]["name"] if pod else "",
            ready=_is_ready(pod),
            lacks="",
            label=_part(template, "labels").get(LABEL),
            label_elsewhere=tuple(
                kind
                for kind, each in ((owner["kind"], owner), ("ServiceAccount", account or {}))
                if LABEL in _part(each, "labels")
            ),
            mutated=audience is not None if pod else None,
            account=f"{namespace}/{account_name}",
            account_exists=account is not None,
            meant_account=f"{meant.namespace}/{meant.serviceAccount}",
            annotation=annotations.get(CLIENT_ID),
            annotation_elsewhere=tuple(
                kind
                for kind, each in ((owner["kind"], owner), ("pod", template))
                if CLIENT_ID in _part(each, "annotations")
            ),
            tenant=annotations.get(TENANT_ANNOTATION, own_tenant),
            own_tenant=own_tenant,
            own=self._identity(own) if own else None,
            found=self._identity(found) if found else None,
            token=Token(issuer, subject, (audience,), None, None) if audience else None,
            now=self._now(),
            exchange=None,
            accesses=self._accesses(found, meant) if found else None,
        )

    def _identity(self, identity: Object) -> Identity:
        listed = self._az("identity", "federated-credential", "list", "--identity-name", identity["name"])
        trusts = tuple(Credential(each["issuer"], each["subject"], each["audiences"][0]) for each in listed)
        return Identity(identity["name"], identity["clientId"], trusts)

    def _accesses(self, identity: Object, meant: Workload) -> tuple[Access, ...]:
        """For each grant of the access model, whether the role is assigned on its scope or above it."""
        assigned = json.loads(
            self._run(
                [
                    *("az", "role", "assignment", "list", "--all", "--assignee", identity["principalId"]),
                    *("--output", "json"),
                ]
            )
        )
        found = []
        for grant in meant.grants:
            service, _, entity = grant.scope.partition("/")
            if service not in _ENTITIES:
                continue
            roles = tuple(each["roleDefinitionName"] for each in assigned if _covers(each["scope"], service, entity))
            granted = any(role.startswith(grant.role) for role in roles)  # a custom role's name may say whose it is
            found.append(Access(f"what {grant.role} allows", grant.scope, granted, granted, "", roles))
        return tuple(found)

    def _kubectl(self, kind: str) -> list[Object]:
        listed = self._run(["kubectl", "get", kind, "--namespace", self._deployed.namespace, "--output", "json"])
        return list(json.loads(listed)["items"])

    def _az(self, *words: str) -> list[Object]:
        group = ("--resource-group", self._deployed.resource_group, "--output", "json")
        return list(json.loads(self._run(["az", *words, *group])))


class AzureRemedies:
    """The commands that mend it. None of them is run here."""

    def __init__(self, deployed: Deployed) -> None:
        self._deployed = deployed

    def label(self, facts: Facts) -> Remedy:
        patch = {"spec": {"template": {"metadata": {"labels": {LABEL: "true"}}}}}
        return Remedy(f"kubectl patch {self._object(facts)} --patch '{json.dumps(patch)}'")

    def mutation(self, facts: Facts) -> Remedy:
        return Remedy(
            f"kubectl rollout restart {self._object(facts)}, and look whether the webhook runs in kube-system"
        )

    def service_account(self, facts: Facts) -> Remedy:
        return Remedy(f"kubectl set serviceaccount {self._object(facts)} {facts.meant_account.partition('/')[2]}")

    def annotation(self, facts: Facts) -> Remedy:
        own = facts.own.client_id if facts.own else "<client id>"
        account = f"serviceaccount {facts.account.partition('/')[2]} --namespace {self._deployed.namespace}"
        return Remedy(f"kubectl annotate {account} --overwrite {CLIENT_ID}={own}; then restart the pods")

    def tenant(self, facts: Facts) -> Remedy:
        account = f"serviceaccount {facts.account.partition('/')[2]} --namespace {self._deployed.namespace}"
        return Remedy(f"kubectl annotate {account} {TENANT_ANNOTATION}-; then restart the pods")

    def client_id(self, facts: Facts) -> Remedy:
        if facts.own is None:
            return Remedy("the identity is gone: make it again (make deploy), and annotate its new client id")
        return self.annotation(facts)

    def credential(self, facts: Facts, code: str) -> Remedy:
        verb = "create" if code == "AADSTS70025" else "update"
        token, identity = facts.token, facts.found
        values = f"--issuer {token.issuer} --subject {token.subject} --audiences {token.audiences[0]}" if token else ""
        return Remedy(
            f"az identity federated-credential {verb} --name aks --identity-name {identity.name if identity else ''} "
            f"--resource-group {self._deployed.resource_group} {values}".rstrip()
        )

    def exchange(self, facts: Facts) -> Remedy:
        return Remedy(f"kubectl logs {facts.pod} --namespace {self._deployed.namespace}")

    def role(self, facts: Facts, access: Access) -> Remedy:
        role = access.action.removeprefix("what ").removesuffix(" allows")
        return Remedy(f'az role assignment create --role "{role}" on the id of {access.scope}, for {facts.workload}')

    def _object(self, facts: Facts) -> str:
        return f"{facts.kind.lower()} {facts.workload} --namespace {self._deployed.namespace}"


def _covers(scope: str, service: str, entity: str) -> bool:
    """Whether an assignment's scope is the entity or something around it: the account, the group, the subscription."""
    scope, (provider, kind) = scope.lower(), _ENTITIES[service]
    if "/providers/" not in scope:
        return True
    return provider in scope and (f"/{kind}/" not in scope or scope.endswith(f"/{kind}/{entity.lower()}"))


def _part(item: Object, part: str) -> dict[str, str]:
    return (item.get("metadata") or {}).get(part) or {}


def _is_ready(pod: Object | None) -> bool:
    conditions = pod["status"].get("conditions", []) if pod else []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _audience(pod: Object | None) -> str | None:
    """Of the token that the webhook has mounted, None if it has mounted none."""
    for volume in pod["spec"].get("volumes", []) if pod else []:
        if volume["name"].startswith("azure-"):
            for source in volume.get("projected", {}).get("sources", []):
                if "serviceAccountToken" in source:
                    return str(source["serviceAccountToken"]["audience"])
    return None
