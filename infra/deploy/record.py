"""The record of a deployment between two commands: `.deploy/{name}/deployment.json`. It holds no secret."""

import dataclasses
import json
import re
import secrets
import shutil
import string
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from infra.deploy.programs import Failed

ROOT = Path(__file__).parents[2]
_LETTERS = string.ascii_lowercase + string.digits


@dataclass
class Deployment:
    """One deployment. Names follow from `name` and `suffix` as `infra/README.md` says."""

    name: str
    subscription: str
    location: str
    profile: str = "learn"
    iac: str = "bicep"
    identity_kind: str = "managed"
    federation: str = "credentials"
    """How identities trust the cluster: `credentials` or `bindings`."""
    federated: str = "credentials"
    """The same as it was when the last deployment ended."""
    hostname: str = ""
    issuers: str = "[]"
    suffix: str = field(default_factory=lambda: "".join(secrets.choice(_LETTERS) for _ in range(5)))
    renew_receipt_keys: bool = False
    """One key of the pair is missing: a new pair is made as soon as the infrastructure exists."""
    outputs: dict[str, str] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    """The images that were built and pushed, by name."""

    FIXED: ClassVar[tuple[str, ...]] = ("subscription", "location", "profile", "iac", "identity_kind")

    @property
    def folder(self) -> Path:
        return ROOT / ".deploy" / self.name

    @property
    def unique(self) -> str:
        return f"{self.name}-{self.suffix}"

    @property
    def registry(self) -> str:
        return f"{self.name}{self.suffix}"

    @property
    def group(self) -> str:
        return f"{self.name}-rg"

    @property
    def group_id(self) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    @property
    def vault_id(self) -> str:
        return f"{self.group_id}/providers/Microsoft.KeyVault/vaults/{self.unique}"

    @property
    def moves(self) -> bool:
        """Whether the pods have to move from one way of federating to the other."""
        return bool(self.outputs) and self.federated != self.federation

    @property
    def private(self) -> bool:
        return self.profile == "production"

    def save(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        new = self.folder / "deployment.json.new"
        new.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n")
        new.replace(self.folder / "deployment.json")

    def forget(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def remembered(name: str) -> Deployment | None:
    """Return the deployment of this name, `None` if there is no record. Raises `Failed` if the record can't be read."""
    if not re.fullmatch(r"[a-z][a-z0-9]{2,11}", name):
        raise Failed("The name has 3 to 12 lower-case letters and digits, and begins with a letter.")
    file = ROOT / ".deploy" / name / "deployment.json"
    if not file.exists():
        return None
    try:
        return Deployment(**json.loads(file.read_text()))
    except (ValueError, TypeError) as error:
        raise Failed(f"{file} can't be read: {error}") from error


def existing(name: str) -> Deployment:
    """Return the deployment of this name. Raises `Failed` if there is no record."""
    found = remembered(name)
    if found is None:
        raise Failed(f"Nothing is deployed from here under the name {name}: `make deploy NAME={name}` comes first.")
    return found


def settled(name: str, subscription: str, given: dict[str, Any]) -> Deployment:
    """Return the deployment that is asked for, with the record's values for what is not given.

    Raises `Failed` if a value differs that can't be changed in place.
    """
    asked = {key: value for key, value in given.items() if value is not None} | {"subscription": subscription}
    before = remembered(name)
    if before is None:
        if not asked.get("location"):
            raise Failed("Say in which region: `make deploy LOCATION=westeurope`, say.")
        now = Deployment(name=name, **asked)
    else:
        for key in Deployment.FIXED:
            if key in asked and asked[key] != getattr(before, key):
                raise Failed(
                    f"{name} was deployed with {key} {getattr(before, key)}, which can't become {asked[key]} in place:"
                    " `make destroy` first, or choose another NAME."
                )
        now = dataclasses.replace(before, **asked)
    if now.iac == "bicep" and now.identity_kind == "application":
        raise Failed("App registrations are deployed by Terraform only: `make deploy IAC=terraform`.")
    if now.federation == "bindings" and now.identity_kind == "application":
        raise Failed("An identity binding needs a managed identity: AKS binds no app registration.")
    return now
