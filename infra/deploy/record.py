"""The record of a deployment: the tags of its resource group, so that every machine and every person finds the same.

`.deploy/{name}/` holds what a run writes on the way (a kubeconfig, the rendered manifests), and may be deleted.
"""

import dataclasses
import json
import re
import secrets
import string
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from infra.deploy.programs import Failed

ROOT = Path(__file__).parents[2]
_LETTERS = string.ascii_lowercase + string.digits
_LONGEST = 256
"""Characters of a tag's value: https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources"""


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
    federated: str = ""
    """The same as the pods have it since the last deployment ended. Empty before the first."""
    hostname: str = ""
    addresses: str = ""
    """Further addresses that the firewalls of the profile learn let in, separated by commas."""
    node_size: str = ""
    node_count: str = ""
    suffix: str = field(default_factory=lambda: "".join(secrets.choice(_LETTERS) for _ in range(5)))
    issuers: str = "[]"
    deployers: dict[str, str] = field(default_factory=dict)
    """Who has deployed it: the principal's kind by its object id. Each keeps its roles."""
    outputs: dict[str, str] = field(default_factory=dict)
    """The infrastructure's outputs. They are no part of the record: the infrastructure is asked for them."""

    FIXED: ClassVar[tuple[str, ...]] = ("location", "profile", "iac", "identity_kind")

    @property
    def folder(self) -> Path:
        """Where a run writes. It is made if it is missing."""
        folder = ROOT / ".deploy" / self.name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

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
    def cluster(self) -> str:
        return f"{self.name}-aks"

    @property
    def vault_id(self) -> str:
        return f"{self.group_id}/providers/Microsoft.KeyVault/vaults/{self.unique}"

    @property
    def moves(self) -> bool:
        """Whether the pods have to move from one way of federating to the other."""
        return self.federated not in ("", self.federation)

    @property
    def private(self) -> bool:
        return self.profile == "production"

    def record(self) -> dict[str, str]:
        """Return the tags that both languages put on the group beside `application` and `profile`."""
        tags = {key: str(getattr(self, key)) for key in _recorded() if getattr(self, key)}
        tags |= {f"issuer:{issuer['name']}": issuer["url"] for issuer in json.loads(self.issuers)}
        return tags | {f"deployer:{principal}": kind for principal, kind in self.deployers.items()}


def recorded(name: str, subscription: str, group: dict[str, Any] | None) -> Deployment | None:
    """Return the deployment that a resource group's tags describe, `None` without a group.

    `group` is what `az group show` prints. Raises `Failed` if the group is not a deployment of this name.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]{2,11}", name):
        raise Failed("The name has 3 to 12 lower-case letters and digits, and begins with a letter.")
    if group is None:
        return None
    tags = group.get("tags") or {}
    if tags.get("application") != name or not tags.get("suffix"):
        raise Failed(
            f"The resource group {name}-rg exists, and its tags do not say that `make deploy` made it under the name"
            f" {name}. A deployment would change what is in it: choose another NAME."
        )
    issuers = [
        {"name": key.removeprefix("issuer:"), "url": tags[key]} for key in sorted(tags) if key.startswith("issuer:")
    ]
    return Deployment(
        name=name,
        subscription=subscription,
        location=group["location"],
        profile=tags["profile"],
        issuers=json.dumps(issuers),
        deployers={key.removeprefix("deployer:"): kind for key, kind in tags.items() if key.startswith("deployer:")},
        **{key: tags[key] for key in _recorded() if key in tags},
    )


def settled(before: Deployment | None, name: str, subscription: str, given: dict[str, Any]) -> Deployment:
    """Return the deployment that is asked for, with the record's values for what is not given.

    Raises `Failed` if a value differs that can't be changed in place, or two values do not go together.
    """
    asked = {key: value for key, value in given.items() if value is not None}
    if before is None:
        if not asked.get("location"):
            raise Failed("Say in which region: `make deploy LOCATION=westeurope`, say.")
        now = Deployment(name=name, subscription=subscription, **asked)
        now.federated = now.federation
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
    if now.private and now.addresses:
        raise Failed("Production has no firewall to open, since its services are private: leave ADDRESSES out.")
    if too_long := [key for key, value in now.record().items() if len(value) > _LONGEST]:
        raise Failed(f"A tag of the resource group holds {_LONGEST} characters, and {too_long[0]} has more.")
    return now


def _recorded() -> list[str]:
    """The fields that are tags of the same name. The group itself has name, subscription, location and profile."""
    elsewhere = {"name", "subscription", "location", "profile", "issuers", "deployers", "outputs"}
    return [each.name for each in dataclasses.fields(Deployment) if each.name not in elsewhere]
