"""Evaluates the infrastructure with other values than the snapshots', in either language, in a copy of `infra/`."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.check.bicep import SETTINGS, TARGET, bicep
from tests.infra.terraform import snapshot
from tests.infra.terraform.cli import Terraform

REQUIRED = {
    "suffix": "a1b2c",
    "deployers": [{"principal_id": "00000000-0000-0000-0000-0000000000d0", "principal_type": "User"}],
}


@dataclass(frozen=True)
class Evaluated:
    """What would be deployed: how many resources of each kind, and two of their details."""

    managed_identities: int
    applications: int
    credentials: int
    """Federated credentials of managed identities."""
    application_credentials: int
    bindings: int
    """Identity bindings of the cluster."""
    private_endpoints: int
    nodes: dict[str, tuple[str, int, int]]
    """Size, least and greatest number of each pool."""
    addresses: list[str]
    """Those that storage lets in."""
    tags: dict[str, str]
    """Those of the resource group."""
    gateway: bool
    """Whether the output `gatewayClientId` has a value."""
    left_out: dict[str, tuple[list[str], list[str]]]
    """The `notActions` and `notDataActions` of each custom role."""


class Bicep:
    """Parameters are given in Terraform's spelling, `node_size`."""

    applications = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "infra"
        shutil.copytree("infra", self.folder, ignore=shutil.ignore_patterns("terraform"))

    def evaluate(self, profile: str = "learn", **values: Any) -> Evaluated:
        """Raises `AssertionError` with the compiler's words if it refuses."""
        words = self.refusal(profile, **values)
        assert words is None, words
        made = json.loads((self.folder / "bicep" / f"{profile}.snapshot.json").read_text())
        assert made["diagnostics"] == []
        resources = made["predictedResources"]
        kinds = Counter(resource["type"].rsplit("/", 1)[1] for resource in resources)
        roles = [one["properties"] for one in resources if one["type"] == "Microsoft.Authorization/roleDefinitions"]
        return Evaluated(
            managed_identities=kinds["userAssignedIdentities"],
            applications=0,
            credentials=kinds["federatedIdentityCredentials"],
            application_credentials=0,
            bindings=kinds["identityBindings"],
            private_endpoints=kinds["privateEndpoints"],
            nodes={
                pool["name"]: (pool["vmSize"], pool["minCount"], pool["maxCount"]) for pool in self._pools(resources)
            },
            addresses=self._firewalls(resources)["storageAccounts"],
            tags=resources[0]["tags"],
            gateway=bool(made["outputs"]["gatewayClientId"]),
            left_out={
                role["roleName"]: (held.get("notActions") or [], held.get("notDataActions") or [])
                for role in roles
                for held in role["permissions"]
            },
        )

    def counts(self, profile: str = "learn") -> dict[str, int]:
        """How many nodes of each pool the profile's last evaluation would set."""
        return {pool["name"]: pool["count"] for pool in self._pools(self._resources(profile))}

    def firewalls(self, profile: str = "learn") -> dict[str, list[str]]:
        """The addresses that each service of the last evaluation lets in; `egress` is the cluster's own."""
        return self._firewalls(self._resources(profile))

    def _resources(self, profile: str) -> list[dict[str, Any]]:
        snapshot = json.loads((self.folder / "bicep" / f"{profile}.snapshot.json").read_text())
        return list(snapshot["predictedResources"])

    @staticmethod
    def _pools(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
        [cluster] = [one for one in resources if one["type"].endswith("/managedClusters")]
        return list(cluster["properties"]["agentPoolProfiles"])

    @staticmethod
    def _firewalls(resources: list[dict[str, Any]]) -> dict[str, list[str]]:
        found = {}
        for one in resources:
            held = one.get("properties", {})
            rules = held.get("ipRules", held.get("networkAcls", {}).get("ipRules"))
            if rules is not None:
                texts = [next(str(rule[key]) for key in rule if key != "action") for rule in rules]
                kind = one["type"].rsplit("/", 1)[1]
                found[kind] = ["egress" if "egressAddress" in text else text for text in texts]
        return found

    def refusal(self, profile: str = "learn", **values: Any) -> str | None:
        """The compiler's words, or `None` if it accepts the values."""
        given = {
            f"KEYLESS_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in values.items()
        }
        parameters = self.folder / "bicep" / f"{profile}.bicepparam"
        run = bicep("snapshot", parameters, "--mode", "overwrite", *TARGET, settings=SETTINGS | given)
        return None if run.returncode == 0 else " ".join((run.stdout + run.stderr).split())


class TerraformConfiguration:
    """The same for Terraform, with managed identities or app registrations."""

    def __init__(self, folder: Path, providers: Mapping[str, str], identity_kind: str) -> None:
        self._terraform = Terraform(folder, providers)
        self._terraform.succeed("init")
        self._identity_kind = identity_kind
        self.folder = folder
        self.applications = identity_kind == "application"

    def evaluate(self, profile: str = "learn", **values: Any) -> Evaluated:
        """Raises `AssertionError` with Terraform's words if it refuses."""
        words = self.refusal(profile, **values)
        assert words is None, words
        planned = json.loads(self._terraform.succeed("show", "-json", "plan.bin"))["planned_values"]
        resources = list(_resources(planned["root_module"]))
        kinds = Counter(resource["type"] for resource in resources)
        [group] = (one["values"] for one in resources if one["type"] == "azurerm_resource_group")
        roles = [one["values"] for one in resources if one["type"] == "azurerm_role_definition"]
        return Evaluated(
            managed_identities=kinds["azurerm_user_assigned_identity"],
            applications=kinds["azuread_application"],
            credentials=kinds["azurerm_federated_identity_credential"],
            application_credentials=kinds["azuread_application_federated_identity_credential"],
            bindings=kinds["azapi_resource"],
            private_endpoints=kinds["azurerm_private_endpoint"],
            nodes={name: self._pool(pool) for name, pool in self._pools(resources).items()},
            addresses=sorted(
                next(one["values"] for one in resources if one["type"] == "azurerm_storage_account")["network_rules"][
                    0
                ]["ip_rules"]
                or []
            ),
            tags=group["tags"],
            gateway=planned["outputs"]["gatewayClientId"].get("value") != "",
            left_out={
                role["name"]: (held.get("not_actions") or [], held.get("not_data_actions") or [])
                for role in roles
                for held in role["permissions"]
            },
        )

    @staticmethod
    def _pools(resources: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        values = {one["type"]: one["values"] for one in resources}
        system = values["azurerm_kubernetes_cluster"]["default_node_pool"][0]
        return {"system": system, "user": values["azurerm_kubernetes_cluster_node_pool"]}

    @staticmethod
    def _pool(pool: dict[str, Any]) -> tuple[str, int, int]:
        return pool["vm_size"], pool["min_count"], pool["max_count"]

    def refusal(self, profile: str = "learn", **values: Any) -> str | None:
        """Terraform's words, or `None` if it accepts the values."""
        given = {"profile": profile, "location": "westeurope", "identity_kind": self._identity_kind} | values
        result = self._terraform.run(
            *("plan", "-no-color", "-input=false", "-out=plan.bin"), variables=snapshot.SECRETS | REQUIRED | given
        )
        return None if result.code == 0 else " ".join(result.output.replace("│", " ").split())


def _resources(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (resource for resource in module.get("resources", []) if resource["mode"] == "managed")
    for child in module.get("child_modules", []):
        yield from _resources(child)
