"""Bicep and Terraform behind one set of verbs."""

import json
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any, Protocol

from infra.deploy import state
from infra.deploy.azure import Azure, Principal
from infra.deploy.keys import fresh
from infra.deploy.patience import UNAVAILABLE, until_it_works
from infra.deploy.programs import Programs
from infra.deploy.record import ROOT, Deployment

_ROLE_OF_THE_STATE = {
    "AuthorizationPermissionMismatch": "the role on Terraform's state does not take effect yet",
    "AuthorizationFailure": "the role on Terraform's state does not take effect yet",
}


class Language(Protocol):
    def prepare(self, deployment: Deployment, deployer: Principal, patience: float) -> None:
        """Make what the language itself needs. `patience` is in seconds."""

    def apply(self, deployment: Deployment) -> dict[str, str]:
        """Create or change the infrastructure; return its outputs."""

    def outputs(self, deployment: Deployment) -> dict[str, str]:
        """Return the outputs of the last `apply`."""

    def preview(self, deployment: Deployment) -> str:
        """Return what `apply` would change, as text for people."""


class Bicep:
    """A deployment at subscription scope, by the Azure CLI. Its parameters and secrets are environment variables."""

    def __init__(self, programs: Programs, azure: Azure) -> None:
        self._programs = programs
        self._azure = azure

    def prepare(self, deployment: Deployment, deployer: Principal, patience: float) -> None:
        """Do nothing: Azure keeps the deployment's history."""

    def apply(self, deployment: Deployment) -> dict[str, str]:
        query = ("--query", "properties.outputs", "--output", "json")
        return _values(self._az(deployment, "create", *query))

    def outputs(self, deployment: Deployment) -> dict[str, str]:
        named = ("--name", deployment.unique, "--subscription", deployment.subscription)
        query = ("--query", "properties.outputs", "--output", "json")
        return _values(self._azure.tell("deployment", "sub", "show", *named, *query))

    def preview(self, deployment: Deployment) -> str:
        return self._az(deployment, "what-if")

    def _az(self, deployment: Deployment, verb: str, *more: str) -> str:
        secrets = fresh()
        settings = {
            "KEYLESS_NAME": deployment.name,
            "KEYLESS_SUFFIX": deployment.suffix,
            "KEYLESS_HOSTNAME": deployment.hostname,
            "KEYLESS_ISSUERS": deployment.issuers,
            "KEYLESS_FEDERATION": _federation(deployment),
            "KEYLESS_ADDRESSES": json.dumps(_addresses(deployment)),
            "KEYLESS_NODE_SIZE": deployment.node_size,
            "KEYLESS_NODE_COUNT": deployment.node_count or "0",
            "KEYLESS_RUNNING_NODES": json.dumps(self._running_nodes(deployment)),
            "KEYLESS_DEPLOYERS": json.dumps(
                [{"principalId": each, "principalType": kind} for each, kind in deployment.deployers.items()]
            ),
            "KEYLESS_RECORD": json.dumps(deployment.record()),
        }
        return self._programs.run(
            *("az", "deployment", "sub", verb, "--name", deployment.unique, "--location", deployment.location),
            *("--parameters", str(ROOT / "infra" / "bicep" / f"{deployment.profile}.bicepparam")),
            *("--subscription", deployment.subscription),
            *more,
            settings=settings | {f"KEYLESS_{_variable(name).upper()}": value for name, value in secrets.items()},
            hide=secrets.values(),
        )

    def _running_nodes(self, deployment: Deployment) -> dict[str, int]:
        """Return the number of nodes that the autoscaler keeps in each pool; nothing without a cluster.

        A template names a number, and a deployment would set it: https://learn.microsoft.com/azure/aks/cluster-autoscaler
        """
        if not self._azure.cluster_exists(deployment):
            return {}
        named = ("--resource-group", deployment.group, "--name", deployment.cluster)
        query = ("--query", "agentPoolProfiles[].{name: name, count: count}")
        pools = self._azure.ask("aks", "show", *named, "--subscription", deployment.subscription, *query)
        return {pool["name"]: pool["count"] for pool in pools}


class Terraform:
    """A working copy for each deployment, below `.deploy/`. Variables and secrets are environment variables."""

    def __init__(self, programs: Programs, azure: Azure) -> None:
        self._programs = programs
        self._azure = azure

    def prepare(self, deployment: Deployment, deployer: Principal, patience: float) -> None:
        state.make(self._azure, deployment, deployer)
        passing = _ROLE_OF_THE_STATE | UNAVAILABLE
        until_it_works(lambda: self._initialise(deployment), "Terraform reaches its state", patience, passing)

    def apply(self, deployment: Deployment) -> dict[str, str]:
        self._run(deployment, "apply", "-input=false", "-auto-approve")
        return _values(self._run(deployment, "output", "-json"))

    def outputs(self, deployment: Deployment) -> dict[str, str]:
        self._initialise(deployment)
        return _values(self._run(deployment, "output", "-json"))

    def preview(self, deployment: Deployment) -> str:
        self._initialise(deployment)
        return self._run(deployment, "plan", "-input=false", "-lock=false")

    def destroy(self, deployment: Deployment) -> None:
        """Delete what `apply` made, as the state has it."""
        self._initialise(deployment)
        self._run(deployment, "destroy", "-input=false", "-auto-approve")

    def _initialise(self, deployment: Deployment) -> None:
        """Copy the configuration, and let Terraform find its state. Before the first deployment it has none yet."""
        folder = deployment.folder / "infra" / "terraform"
        shutil.copytree(
            ROOT / "infra" / "terraform",
            folder,
            ignore=shutil.ignore_patterns(".terraform", "*.tfstate*", "*.tfvars"),
            dirs_exist_ok=True,
        )
        for model in ("access.yaml", "alerts.yaml"):
            shutil.copy(ROOT / "infra" / model, folder.parent)
        if state.exists(self._azure, deployment):
            state.write_backend(deployment, folder)
        self._terraform(deployment, "init", "-input=false", "-reconfigure")

    def _run(self, deployment: Deployment, *command: str) -> str:
        variables: dict[str, Any] = {
            "profile": deployment.profile,
            "location": deployment.location,
            "name": deployment.name,
            "suffix": deployment.suffix,
            "hostname": deployment.hostname,
            "issuers": deployment.issuers,
            "addresses": json.dumps(_addresses(deployment)),
            "node_size": deployment.node_size,
            "node_count": deployment.node_count or "0",
            "identity_kind": deployment.identity_kind,
            "federation": _federation(deployment),
            "deployers": json.dumps(
                [{"principal_id": each, "principal_type": kind} for each, kind in deployment.deployers.items()]
            ),
            "record": json.dumps(deployment.record()),
        }
        secrets = fresh()
        given = variables | {_variable(name): value for name, value in secrets.items()}
        settings = {f"TF_VAR_{name}": value for name, value in given.items()}
        return self._terraform(deployment, *command, settings=settings, hide=secrets.values())

    def _terraform(
        self,
        deployment: Deployment,
        *command: str,
        settings: dict[str, str] | None = None,
        hide: Collection[str] = (),
    ) -> str:
        ours = {"ARM_SUBSCRIPTION_ID": deployment.subscription, "TF_IN_AUTOMATION": "1", "TF_CLI_ARGS": "-no-color"}
        folder: Path = deployment.folder / "infra" / "terraform"
        return self._programs.run(
            "terraform", f"-chdir={folder}", *command, settings=ours | (settings or {}), hide=hide
        )


def language(programs: Programs, azure: Azure, deployment: Deployment) -> Language:
    return Terraform(programs, azure) if deployment.iac == "terraform" else Bicep(programs, azure)


def _federation(deployment: Deployment) -> str:
    """Return the infrastructure's parameter: while the pods move, both ways have to work."""
    return "both" if deployment.moves else deployment.federation


def _addresses(deployment: Deployment) -> list[str]:
    return [address for address in deployment.addresses.split(",") if address]


def _variable(secret: str) -> str:
    return secret.replace("-", "_")


def _values(outputs: str) -> dict[str, str]:
    """Both languages print `{name: {"value": …}}`."""
    return {name: str(output["value"]) for name, output in json.loads(outputs).items()}
