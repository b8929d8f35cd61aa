"""Bicep and Terraform behind one set of verbs."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from infra.deploy.azure import Principal
from infra.deploy.keys import fresh
from infra.deploy.programs import Programs
from infra.deploy.record import ROOT, Deployment


class Language(Protocol):
    def apply(self, deployment: Deployment, deployer: Principal) -> dict[str, str]:
        """Create or change the infrastructure; return its outputs."""

    def preview(self, deployment: Deployment, deployer: Principal) -> str:
        """Return what `apply` would change, as text for people."""

    def destroy(self, deployment: Deployment, deployer: Principal) -> None:
        """Delete what `apply` made, as far as the language records it."""


class Bicep:
    """A deployment at subscription scope, by the Azure CLI. Its parameters and secrets are environment variables."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs

    def apply(self, deployment: Deployment, deployer: Principal) -> dict[str, str]:
        query = ("--query", "properties.outputs", "--output", "json")
        return _values(self._az(deployment, deployer, "create", *query))

    def preview(self, deployment: Deployment, deployer: Principal) -> str:
        return self._az(deployment, deployer, "what-if")

    def destroy(self, deployment: Deployment, deployer: Principal) -> None:
        """Do nothing: Bicep records nothing, and `make destroy` deletes the resource group."""

    def _az(self, deployment: Deployment, deployer: Principal, verb: str, *more: str) -> str:
        secrets = fresh()
        settings = {
            "KEYLESS_NAME": deployment.name,
            "KEYLESS_SUFFIX": deployment.suffix,
            "KEYLESS_HOSTNAME": deployment.hostname,
            "KEYLESS_ISSUERS": deployment.issuers,
            "KEYLESS_FEDERATION": federation_of(deployment),
            "KEYLESS_DEPLOYER_PRINCIPAL_ID": deployer.object_id,
            "KEYLESS_DEPLOYER_PRINCIPAL_TYPE": deployer.kind,
        }
        return self._programs.run(
            *("az", "deployment", "sub", verb, "--name", deployment.unique, "--location", deployment.location),
            *("--parameters", str(ROOT / "infra" / "bicep" / f"{deployment.profile}.bicepparam")),
            *("--subscription", deployment.subscription),
            *more,
            settings=settings | {f"KEYLESS_{_variable(name).upper()}": value for name, value in secrets.items()},
            hide=secrets.values(),
        )


class Terraform:
    """One workspace for each deployment. Variables and secrets are environment variables."""

    def __init__(self, programs: Programs, folder: Path = ROOT / "infra" / "terraform") -> None:
        self._programs = programs
        self._folder = folder

    def apply(self, deployment: Deployment, deployer: Principal) -> dict[str, str]:
        self._select(deployment)
        self._run(deployment, deployer, "apply", "-input=false", "-auto-approve")
        return _values(self._run(deployment, deployer, "output", "-json"))

    def preview(self, deployment: Deployment, deployer: Principal) -> str:
        self._select(deployment)
        return self._run(deployment, deployer, "plan", "-input=false", "-lock=false")

    def destroy(self, deployment: Deployment, deployer: Principal) -> None:
        self._select(deployment)
        self._run(deployment, deployer, "destroy", "-input=false", "-auto-approve")

    def _select(self, deployment: Deployment) -> None:
        self._terraform(deployment, "init", "-input=false")
        self._terraform(deployment, "workspace", "select", "-or-create", deployment.name)

    def _run(self, deployment: Deployment, deployer: Principal, *command: str) -> str:
        variables = {
            "profile": deployment.profile,
            "location": deployment.location,
            "name": deployment.name,
            "suffix": deployment.suffix,
            "hostname": deployment.hostname,
            "issuers": deployment.issuers,
            "identity_kind": deployment.identity_kind,
            "federation": federation_of(deployment),
            "deployer_principal_id": deployer.object_id,
            "deployer_principal_type": deployer.kind,
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
        return self._programs.run(
            "terraform", f"-chdir={self._folder}", *command, settings=ours | (settings or {}), hide=hide
        )


def language(programs: Programs, deployment: Deployment) -> Language:
    return Terraform(programs) if deployment.iac == "terraform" else Bicep(programs)


def federation_of(deployment: Deployment) -> str:
    """Return the infrastructure's parameter: while the pods move, both ways have to work."""
    return "both" if deployment.moves else deployment.federation


def _variable(secret: str) -> str:
    return secret.replace("-", "_")


def _values(outputs: str) -> dict[str, str]:
    """Both languages print `{name: {"value": …}}`."""
    return {name: str(output["value"]) for name, output in json.loads(outputs).items()}
