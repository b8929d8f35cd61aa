"""Calls of the Azure CLI besides the deployment itself. All of them use the control plane."""

import json
from dataclasses import dataclass
from typing import Any

from infra.deploy.programs import Failed, ProgramFailed, Programs
from infra.deploy.record import Deployment

VAULTS = "2026-05-15"


@dataclass(frozen=True, slots=True)
class Account:
    """The account that is signed in with the Azure CLI, and its subscription."""

    subscription: str
    user: str
    is_user: bool


@dataclass(frozen=True, slots=True)
class Principal:
    """The deployer, as role assignments name it."""

    object_id: str
    kind: str


class Azure:
    """The Azure CLI."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs

    def account(self) -> Account:
        """Return the account. Raises `Failed` if none is signed in."""
        try:
            shown = self.ask("account", "show")
        except ProgramFailed as error:
            raise Failed(
                "You are not signed in to Azure: `az login`, then `az account set --subscription …`."
            ) from error
        return Account(shown["id"], shown["user"]["name"], shown["user"]["type"] == "user")

    def principal(self, account: Account) -> Principal:
        """Return the object id of the account. Raises `Failed` if Entra does not tell it."""
        ask = (
            ("ad", "signed-in-user", "show", "--query", "id")
            if account.is_user
            else ("ad", "sp", "show", "--id", account.user, "--query", "id")
        )
        try:
            found = self.tell(*ask, "--output", "tsv").strip()
        except ProgramFailed as error:
            raise Failed(f"Entra doesn't tell the object id of {account.user}: {error.words}") from error
        return Principal(found, "User" if account.is_user else "ServicePrincipal")

    def roles_of(self, principal: Principal, subscription: str) -> list[list[dict[str, Any]]]:
        """Return the permissions of each role that a principal has on the subscription, also through groups."""
        scope = f"/subscriptions/{subscription}"
        assigned = self.ask(
            *("role", "assignment", "list", "--assignee", principal.object_id, "--scope", scope),
            *("--include-inherited", "--include-groups", "--fill-principal-name", "false"),
        )
        held = {assignment["roleDefinitionId"].rsplit("/", 1)[-1] for assignment in assigned}
        query = ("--query", "[].{name: name, permissions: permissions}")
        definitions = self.ask("role", "definition", "list", "--scope", scope, *query)
        return [role["permissions"] for role in definitions if role["name"] in held]

    def group(self, name: str, subscription: str) -> dict[str, Any] | None:
        """Return a resource group with its location and tags, `None` if there is none."""
        if not self.group_exists(name, subscription):
            return None
        return dict(self.ask("group", "show", "--name", name, "--subscription", subscription))

    def group_exists(self, name: str, subscription: str) -> bool:
        return self.tell("group", "exists", "--name", name, "--subscription", subscription).strip() == "true"

    def delete_group(self, name: str, subscription: str) -> None:
        self.tell("group", "delete", "--name", name, "--subscription", subscription, "--yes")

    def exists(self, deployment: Deployment, kind: str, name: str) -> bool:
        """Whether the deployment has a resource of this type and name."""
        named = ("--name", name, "--resource-type", kind)
        return bool(self.ask("resource", "list", *named, "--subscription", deployment.subscription))

    def cluster_exists(self, deployment: Deployment) -> bool:
        return self.exists(deployment, "Microsoft.ContainerService/managedClusters", deployment.cluster)

    def vault_secrets(self, deployment: Deployment) -> dict[str, dict[str, str]]:
        """Return the tags of each secret in the deployment's vault; none if there is no vault yet."""
        if not self.exists(deployment, "Microsoft.KeyVault/vaults", deployment.unique):
            return {}
        listed = self.ask("rest", "--method", "get", "--url", f"{deployment.vault_id}/secrets?api-version={VAULTS}")
        return {secret["name"]: secret.get("tags") or {} for secret in listed["value"]}

    def put_secret(self, deployment: Deployment, name: str, value: str, content_type: str, tags: dict[str, str]) -> str:
        """Write a new version of a secret through the control plane; return the version.

        https://learn.microsoft.com/rest/api/keyvault/keyvault/secrets/create-or-update
        """
        body = {
            "properties": {"value": value, "contentType": content_type},
            "tags": {"application": deployment.name, "profile": deployment.profile, **tags},
        }
        uri = self._programs.run(
            *("az", "rest", "--method", "put", "--body", "@-"),  # the CLI reads the body from its standard input
            *("--url", f"{deployment.vault_id}/secrets/{name}?api-version={VAULTS}"),
            *("--query", "properties.secretUriWithVersion", "--output", "tsv"),
            stdin=json.dumps(body),
            hide=[value],
        )
        return uri.strip().rsplit("/", 1)[-1]

    def identities(self, deployment: Deployment) -> dict[str, str]:
        """Return the object ids of the deployment's identities, by name."""
        listed = self.ask("identity", "list", *_in_group(deployment))
        return {identity["name"]: identity["principalId"] for identity in listed}

    def role_assignments(self, deployment: Deployment) -> list[dict[str, str]]:
        """Return every role assignment within the resource group."""
        listed = self.ask("role", "assignment", "list", "--all", "--subscription", deployment.subscription)
        below = f"{deployment.group_id}/".lower()
        return [assignment for assignment in listed if assignment["scope"].lower().startswith(below)]

    def delete_role_assignment(self, assignment_id: str) -> None:
        self.tell("role", "assignment", "delete", "--ids", assignment_id)

    def cosmos_role_assignments(self, deployment: Deployment) -> list[dict[str, str]]:
        account = ("--account-name", deployment.unique, *_in_group(deployment))
        return list(self.ask("cosmosdb", "sql", "role", "assignment", "list", *account))

    def delete_cosmos_role_assignment(self, deployment: Deployment, assignment: str) -> None:
        account = ("--account-name", deployment.unique, *_in_group(deployment))
        verb = ("cosmosdb", "sql", "role", "assignment", "delete")
        self.tell(*verb, *account, "--role-assignment-id", assignment, "--yes")

    def federated_credentials(self, deployment: Deployment, identity: str) -> dict[str, str]:
        """Return the issuers of an identity's federated credentials, by the credential's name."""
        of_identity = ("--identity-name", identity, *_in_group(deployment))
        found = self.ask("identity", "federated-credential", "list", *of_identity)
        return {credential["name"]: credential["issuer"] for credential in found}

    def delete_federated_credential(self, deployment: Deployment, identity: str, name: str) -> None:
        of_identity = ("--identity-name", identity, *_in_group(deployment))
        self.tell("identity", "federated-credential", "delete", *of_identity, "--name", name, "--yes")

    def identity_bindings(self, deployment: Deployment) -> list[str]:
        """Return the names of the cluster's identity bindings."""
        of_cluster = ("--cluster-name", deployment.cluster, *_in_group(deployment))
        return [found["name"] for found in self.ask("aks", "identity-binding", "list", *of_cluster)]

    def delete_identity_binding(self, deployment: Deployment, name: str) -> None:
        of_cluster = ("--cluster-name", deployment.cluster, *_in_group(deployment))
        self.tell("aks", "identity-binding", "delete", *of_cluster, "--name", name, "--yes")

    def ask(self, *arguments: str) -> Any:
        """Run a command and return what it prints, read as JSON. Raises `ProgramFailed`."""
        return json.loads(self.tell(*arguments, "--output", "json") or "null")

    def tell(self, *arguments: str) -> str:
        """Run a command and return what it prints. Raises `ProgramFailed`."""
        return self._programs.run("az", *arguments)


def _in_group(deployment: Deployment) -> tuple[str, ...]:
    return ("--resource-group", deployment.group, "--subscription", deployment.subscription)
