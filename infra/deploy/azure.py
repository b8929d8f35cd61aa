"""Calls of the Azure CLI besides the deployment itself. All of them use the control plane."""

import json
from dataclasses import dataclass
from typing import Any

from infra.deploy.programs import Failed, ProgramFailed, Programs
from infra.deploy.record import Deployment

VAULTS = "2026-05-15"
ROLE_DEFINITIONS = "2022-04-01"


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
            shown = self._json("account", "show")
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
            found = self._text(*ask)
        except ProgramFailed as error:
            raise Failed(f"Entra doesn't tell the object id of {account.user}: {error.words}") from error
        return Principal(found, "User" if account.is_user else "ServicePrincipal")

    def vault_secrets(self, deployment: Deployment) -> set[str]:
        """Return the names of the secrets in the deployment's vault; none if there is no vault yet."""
        vaults = self._json(
            *("resource", "list", "--name", deployment.unique, "--resource-type", "Microsoft.KeyVault/vaults"),
            *("--subscription", deployment.subscription),
        )
        if not vaults:
            return set()
        listed = self._json("rest", "--method", "get", "--url", f"{deployment.vault_id}/secrets?api-version={VAULTS}")
        return {secret["name"] for secret in listed["value"]}

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

    def custom_roles(self, deployment: Deployment) -> list[str]:
        """Return the ids of the deployment's own role definitions, which outlive their resource group."""
        ending = f"ends_with(roleName, '({deployment.unique})')"
        return list(
            self._json(
                *("role", "definition", "list", "--custom-role-only", "true", "--scope", deployment.group_id),
                *("--query", f"[?{ending}].name"),
            )
        )

    def delete_role(self, deployment: Deployment, role: str) -> None:
        definitions = f"/subscriptions/{deployment.subscription}/providers/Microsoft.Authorization/roleDefinitions"
        url = f"{definitions}/{role}?api-version={ROLE_DEFINITIONS}"
        self._programs.run("az", "rest", "--method", "delete", "--url", url)

    def identities(self, deployment: Deployment) -> dict[str, str]:
        """Return the object ids of the deployment's identities, by name."""
        listed = self._json("identity", "list", *_in_group(deployment))
        return {identity["name"]: identity["principalId"] for identity in listed}

    def role_assignments(self, deployment: Deployment) -> list[dict[str, str]]:
        """Return every role assignment within the resource group."""
        listed = self._json("role", "assignment", "list", "--all", "--subscription", deployment.subscription)
        below = f"{deployment.group_id}/".lower()
        return [assignment for assignment in listed if assignment["scope"].lower().startswith(below)]

    def delete_role_assignment(self, assignment_id: str) -> None:
        self._programs.run("az", "role", "assignment", "delete", "--ids", assignment_id)

    def cosmos_role_assignments(self, deployment: Deployment) -> list[dict[str, str]]:
        account = ("--account-name", deployment.unique, *_in_group(deployment))
        return list(self._json("cosmosdb", "sql", "role", "assignment", "list", *account))

    def delete_cosmos_role_assignment(self, deployment: Deployment, assignment: str) -> None:
        account = ("--account-name", deployment.unique, *_in_group(deployment))
        verb = ("az", "cosmosdb", "sql", "role", "assignment", "delete")
        self._programs.run(*verb, *account, "--role-assignment-id", assignment, "--yes")

    def federated_credentials(self, deployment: Deployment, identity: str) -> list[str]:
        """Return the names of an identity's federated credentials."""
        of_identity = ("--identity-name", identity, *_in_group(deployment))
        return [found["name"] for found in self._json("identity", "federated-credential", "list", *of_identity)]

    def delete_federated_credential(self, deployment: Deployment, identity: str, name: str) -> None:
        of_identity = ("--identity-name", identity, *_in_group(deployment))
        self._programs.run("az", "identity", "federated-credential", "delete", *of_identity, "--name", name, "--yes")

    def identity_bindings(self, deployment: Deployment) -> list[str]:
        """Return the names of the cluster's identity bindings."""
        of_cluster = ("--cluster-name", f"{deployment.name}-aks", *_in_group(deployment))
        return [found["name"] for found in self._json("aks", "identity-binding", "list", *of_cluster)]

    def delete_identity_binding(self, deployment: Deployment, name: str) -> None:
        of_cluster = ("--cluster-name", f"{deployment.name}-aks", *_in_group(deployment))
        self._programs.run("az", "aks", "identity-binding", "delete", *of_cluster, "--name", name, "--yes")

    def group_exists(self, deployment: Deployment) -> bool:
        named = ("--name", deployment.group, "--subscription", deployment.subscription)
        return self._programs.run("az", "group", "exists", *named).strip() == "true"

    def delete_group(self, deployment: Deployment) -> None:
        named = ("--name", deployment.group, "--subscription", deployment.subscription)
        self._programs.run("az", "group", "delete", *named, "--yes")

    def deleted_vault(self, deployment: Deployment) -> bool:
        """Whether the vault is deleted and not purged yet."""
        query = ("--query", f"[?name=='{deployment.unique}'].name")
        listed = ("keyvault", "list-deleted", "--resource-type", "vault", "--subscription", deployment.subscription)
        return bool(self._json(*listed, *query))

    def purge_vault(self, deployment: Deployment) -> None:
        named = ("--name", deployment.unique, "--location", deployment.location)
        self._programs.run("az", "keyvault", "purge", *named, "--subscription", deployment.subscription)

    def _json(self, *arguments: str) -> Any:
        return json.loads(self._programs.run("az", *arguments, "--output", "json") or "null")

    def _text(self, *arguments: str) -> str:
        return self._programs.run("az", *arguments, "--output", "tsv").strip()


def _in_group(deployment: Deployment) -> tuple[str, ...]:
    return ("--resource-group", deployment.group, "--subscription", deployment.subscription)
