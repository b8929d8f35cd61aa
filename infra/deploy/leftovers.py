"""Revoke what the model no longer grants. Terraform does so by itself; a deployment by Bicep only adds and changes.

An assignment's name is computed from scope, identity and role (`infra/README.md`). The names of what the model grants
are therefore known. Every other assignment of the application's identities within the resource group is a leftover.
"""

import json
import uuid
from dataclasses import dataclass
from typing import Any

import yaml

from infra.deploy.azure import Azure
from infra.deploy.programs import NotYet
from infra.deploy.record import ROOT, Deployment

_BICEPS_GUID = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
_CREDENTIAL_OF_A_BINDING = "aks-identity-binding"  # AKS makes it on a bound identity


@dataclass(frozen=True, slots=True)
class Expected:
    """The names of the assignments and credentials that the model gives to one workload's identity."""

    roles: frozenset[str]
    cosmos_roles: frozenset[str]
    credentials: frozenset[str]


def expected(deployment: Deployment, model: dict[str, Any]) -> dict[str, Expected]:
    """Return what the model gives, by the identity's name."""
    found = {name: _of_workload(deployment, model, name) for name in model["workloads"]}
    if deployment.hostname:
        identity = f"{deployment.name}-gateway"
        certificate = f"{deployment.vault_id}/secrets/gateway-certificate"
        role = _guid(certificate, _identity(deployment, identity), "Key Vault Secrets User")
        found["gateway"] = Expected(frozenset({role}), frozenset(), frozenset({"aks"}))
    return {f"{deployment.name}-{workload}": names for workload, names in found.items()}


def revoke(azure: Azure, deployment: Deployment) -> list[str]:
    """Delete the leftovers, and return a line for each.

    Raises `NotYet`, and deletes nothing, if something that the model grants is not found in Azure.
    """
    model = yaml.safe_load((ROOT / "infra" / "access.yaml").read_text())
    wanted = expected(deployment, model)
    kept = {f"{deployment.name}-{name}" for name in ("control-plane", "kubelet")}
    identities = {name: oid for name, oid in azure.identities(deployment).items() if name not in kept}
    owners = {oid: name for name, oid in identities.items()}
    roles = [a for a in azure.role_assignments(deployment) if a["principalId"] in owners]
    cosmos = [a for a in azure.cosmos_role_assignments(deployment) if a["principalId"] in owners]
    credentials = {name: azure.federated_credentials(deployment, name) for name in identities}

    nothing = Expected(frozenset(), frozenset(), frozenset())
    for name, names in wanted.items():
        held = {a["name"] for a in (*roles, *cosmos) if owners[a["principalId"]] == name}
        if not (names.roles | names.cosmos_roles) <= held or not names.credentials <= credentials.get(name, {}).keys():
            raise NotYet(f"what {name} was granted is not found in Azure, so nothing was revoked")

    revoked = _unbind(azure, deployment, {name for name in model["workloads"] if is_bound(deployment, model, name)})
    for assignment in roles:
        owner = owners[assignment["principalId"]]
        if assignment["name"] not in wanted.get(owner, nothing).roles:
            azure.delete_role_assignment(assignment["id"])
            revoked.append(f"{owner}: {assignment['roleDefinitionName']} on {assignment['scope']}")
    for assignment in cosmos:
        owner = owners[assignment["principalId"]]
        if assignment["name"] not in wanted.get(owner, nothing).cosmos_roles:
            azure.delete_cosmos_role_assignment(deployment, assignment["name"])
            revoked.append(f"{owner}: a Cosmos role on {assignment['scope']}")
    for owner, issuers in credentials.items():
        for name in sorted(issuers.keys() - wanted.get(owner, nothing).credentials):
            azure.delete_federated_credential(deployment, owner, name)
            revoked.append(f"{owner}: the trust in the issuer {issuers[name]}")
    return revoked


def _unbind(azure: Azure, deployment: Deployment, bound: set[str]) -> list[str]:
    """Delete the bindings of the other workloads. The credential that AKS made for one is a leftover after that."""
    unbound = sorted(set(azure.identity_bindings(deployment)) - bound)
    for name in unbound:
        azure.delete_identity_binding(deployment, name)
    return [f"{deployment.name}-{name}: the identity binding" for name in unbound]


def _of_workload(deployment: Deployment, model: dict[str, Any], workload: str) -> Expected:
    identity = _identity(deployment, f"{deployment.name}-{workload}")
    roles: set[str] = set()
    cosmos_roles: set[str] = set()
    for grant in model["workloads"][workload]["grants"]:
        service, entity = grant["scope"].split("/")
        scope = _scope(deployment, model, service, entity)
        (cosmos_roles if service == "cosmos" else roles).add(_guid(scope, identity, grant["role"]))
    issuers = {_guid(issuer["url"]) for issuer in json.loads(deployment.issuers)}
    own = {_CREDENTIAL_OF_A_BINDING} if is_bound(deployment, model, workload) else {"aks"}
    return Expected(frozenset(roles), frozenset(cosmos_roles), frozenset(issuers | own))


def is_bound(deployment: Deployment, model: dict[str, Any], workload: str) -> bool:
    """Whether the workload's identity has an identity binding in place of the cluster's own credential."""
    return deployment.federation == "bindings" and model["workloads"][workload].get("federation") != "credentials"


def _scope(deployment: Deployment, model: dict[str, Any], service: str, entity: str) -> str:
    providers = f"{deployment.group_id}/providers"
    match service:
        case "keyVault":
            return f"{deployment.vault_id}/secrets/{entity}"
        case "serviceBus":
            return f"{providers}/Microsoft.ServiceBus/namespaces/{deployment.unique}/queues/{entity}"
        case "blob":
            account = f"{providers}/Microsoft.Storage/storageAccounts/{deployment.registry}"
            return f"{account}/blobServices/default/containers/{entity}"
        case _:
            database = model["entities"]["cosmos"][entity]["database"]
            account = f"{providers}/Microsoft.DocumentDB/databaseAccounts/{deployment.unique}"
            return f"{account}/dbs/{database}/colls/{entity}"


def _identity(deployment: Deployment, name: str) -> str:
    return f"{deployment.group_id}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"


def _guid(*parts: str) -> str:
    """Bicep's `guid()`."""
    return str(uuid.uuid5(_BICEPS_GUID, "-".join(parts)))
