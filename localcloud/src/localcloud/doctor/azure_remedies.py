"""The commands of kubectl and az that mend each broken link. None of them is run here."""

import json
from dataclasses import dataclass

from localcloud.cluster.webhook import CLIENT_ID, LABEL, SKIP_CONTAINERS
from localcloud.cluster.webhook import TENANT_ID as TENANT_ANNOTATION
from localcloud.doctor import symptoms
from localcloud.doctor.facts import AbsentSecret, Access, Facts, PendingRole, Remedy, WideRole
from localcloud.doctor.link import moment


@dataclass(frozen=True, slots=True)
class Deployed:
    """Where the application is. An identity is named `<name>-<workload>`."""

    name: str
    resource_group: str


class AzureRemedies:
    """`name` of `deployed` is also that of the federated credential's identity."""

    def __init__(self, deployed: Deployed) -> None:
        self._deployed = deployed

    def manifest(self, _facts: Facts) -> Remedy:
        return Remedy("correct what it names, and apply it again")

    def label(self, facts: Facts) -> Remedy:
        patch = {"spec": {"template": {"metadata": {"labels": {LABEL: "true"}}}}}
        return Remedy(f"kubectl patch {_owner(facts)} --patch '{json.dumps(patch)}'")

    def mutation(self, facts: Facts) -> Remedy:
        if facts.skipped:
            path = f"/spec/template/metadata/annotations/{SKIP_CONTAINERS.replace('/', '~1')}"
            patch = json.dumps([{"op": "remove", "path": path}])
            return Remedy(f"kubectl patch {_owner(facts)} --type json --patch '{patch}'")
        return Remedy(f"kubectl rollout restart {_owner(facts)}, and look whether the webhook runs in kube-system")

    def service_account(self, facts: Facts) -> Remedy:
        return Remedy(f"kubectl set serviceaccount {_owner(facts)} {facts.meant_account.partition('/')[2]}")

    def annotation(self, facts: Facts) -> Remedy:
        own = facts.own.client_id if facts.own else "<client id>"
        wrong = f" {facts.annotation_misspelt}-" if facts.annotation_misspelt else ""
        return Remedy(f"kubectl annotate {_account(facts)} --overwrite {CLIENT_ID}={own}{wrong}; then restart the pods")

    def tenant(self, facts: Facts) -> Remedy:
        return Remedy(f"kubectl annotate {_account(facts)} {TENANT_ANNOTATION}-; then restart the pods")

    def client_id(self, facts: Facts) -> Remedy:
        if (facts.client_id or "").lower() != (facts.annotation or "").lower():
            if facts.container_client_id:
                return Remedy(f"kubectl set env {_owner(facts)} AZURE_CLIENT_ID-")
            return Remedy(f"kubectl rollout restart {_owner(facts)}")
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
        if advised := symptoms.advice(facts.lacks, lambda _variable: ""):
            return Remedy(advised)
        match facts.exchange.code if facts.exchange else "":
            case "AADSTS7000272":
                return Remedy(f"the cluster's key was rotated: kubectl rollout restart {_owner(facts)}")
            case "AADSTS700024":
                return Remedy(f"look at the node's clock, then kubectl rollout restart {_owner(facts)}")
            case "AADSTS90061" | "AADSTS50166" | "AADSTS501661":
                issuer = facts.token.issuer if facts.token else "<issuer>"
                return Remedy(f"Entra can't reach the issuer: curl --fail {issuer}.well-known/openid-configuration")
        return Remedy(f"kubectl logs {facts.pod} --namespace {_namespace(facts)}")

    def role(self, facts: Facts, access: Access) -> Remedy:
        role = access.action.removeprefix("what ").removesuffix(" allows")
        if access.scope.startswith("cosmos/"):
            return Remedy(
                f'az cosmosdb sql role assignment create --role-definition-name "{role}" on the id of {access.scope}, '
                f"for {facts.workload}: no role of `az role assignment` opens Cosmos DB's data"
            )
        return Remedy(f'az role assignment create --role "{role}" on the id of {access.scope}, for {facts.workload}')

    def pending(self, _facts: Facts, role: PendingRole) -> Remedy:
        return Remedy(f"edit nothing, and wait until {moment(role.until)}: Azure needs up to ten minutes")

    def wide(self, facts: Facts, role: WideRole) -> Remedy:
        return Remedy(
            f'az role assignment delete --role "{role.role}" --scope {role.scope}, for {facts.workload}, once it is '
            f"assigned on the id of {' and of '.join(role.used)}"
        )

    def secret(self, _facts: Facts, secret: AbsentSecret) -> Remedy:
        if secret.deleted:
            return Remedy(f"az keyvault secret recover --vault-name <vault> --name {secret.name}")
        return Remedy(f"set the secret {secret.name}: what makes it has not run, or it was purged")


def _owner(facts: Facts) -> str:
    return f"{facts.kind.lower()} {facts.owner} --namespace {_namespace(facts)}"


def _account(facts: Facts) -> str:
    return f"serviceaccount {facts.account.partition('/')[2]} --namespace {_namespace(facts)}"


def _namespace(facts: Facts) -> str:
    return facts.account.partition("/")[0]
