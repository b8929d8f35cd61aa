"""A lab as its file in `labs/` has it: a change, a prediction, an explanation and a fix."""

import copy
from pathlib import Path
from typing import Annotated, Any, Literal

import certifi
import yaml
from localcloud.authorization.model import client_id
from localcloud.cloud import ISSUER_HOST, ISSUER_PATH
from localcloud.entra.federation import Way
from localcloud.faults import Kind
from localcloud.validation import faults_of
from localcloud.yaml_document import YamlError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from demo.stack import ROOT
from localcloud import yaml_document

LABS = ROOT / "labs"
ISSUER = f"https://{ISSUER_HOST}{ISSUER_PATH}"

Place = Literal["terminal", "/readyz", "page", "audit"]


class LabFileError(Exception):
    """There is no such lab, or its file is wrong; the message names it."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Grant(_Part):
    """A role assignment of a workload, given or taken."""

    workload: str
    role: str
    scope: str


class Change(_Part):
    """What a lab breaks.

    `overlay` is another one of `k8s/overlays` than the application's own. `manifests` are patches as a kustomization
    has them. Changes of the access model are grants that are taken and
    given, fields of workloads that are set (`workloads`), workloads that are deleted, and entities that there are more.
    `renew` are grants that were missing and are given just now. `newPods` are Deployments that get a new pod, as one
    does whose template or service account is changed. The rest happens to Azure and its cluster: a role that is given
    or taken counts after `propagation` seconds, identities trust the cluster in another way (`federation`), the clock
    is `clock` seconds ahead, a service has a fault, the cluster's issuer gets a new signing key, a secret is deleted or
    purged. At last, Deployments are restarted, which ends when the new pods are ready (`restart`), and the containers
    of workloads are killed, so that they begin anew in the same pod (`kill`).
    """

    overlay: str = ""
    manifests: tuple[dict[str, Any], ...] = ()
    take: tuple[Grant, ...] = ()
    give: tuple[Grant, ...] = ()
    renew: tuple[Grant, ...] = ()
    workloads: dict[str, dict[str, Any]] = {}
    delete: tuple[str, ...] = ()
    entities: dict[str, dict[str, Any]] = {}
    newPods: tuple[str, ...] = ()
    propagation: int = 0
    federation: Way | None = None
    clock: int = 0
    faults: dict[str, Kind] = {}
    rotateIssuerKey: bool = False
    secrets: dict[str, Literal["deleted", "purged"]] = {}
    restart: tuple[str, ...] = ()
    kill: tuple[str, ...] = ()

    @property
    def of_access(self) -> bool:
        """Whether it changes the access model."""
        return bool(self.take or self.give or self.renew or self.workloads or self.delete)

    def before(self, model: dict[str, Any]) -> dict[str, Any]:
        """The access model before the grants that are renewed."""
        return _without(model, self.renew)

    def applied(self, model: dict[str, Any]) -> dict[str, Any]:
        """The access model after the change; raises `LabFileError` if it has no such grant."""
        model = _without(model, self.take)
        for service, added in self.entities.items():
            model["entities"][service].update(added)
        for given in self.give:
            model["workloads"][given.workload]["grants"].append({"role": given.role, "scope": given.scope})
        for name, fields in self.workloads.items():
            model["workloads"][name].update(fields)
        for name in self.delete:
            del model["workloads"][name]
        return model


class Fix(_Part):
    """`file` and `write` are the laptop's: the file, and the line that it has when all is well. `azure` is the command
    that mends the same on AKS."""

    file: str
    write: str
    azure: str


class Lab(_Part):
    """`shows` says, for each place where the fault shows, the text that stands there. `link` is the doctor's.

    `workload` is the one whose pod is looked at, and `also` are others that break in the same way.
    """

    name: str
    title: str
    workload: str
    also: tuple[str, ...] = ()
    change: Change
    prediction: str
    shows: dict[Place, Annotated[str, Field(min_length=1)]]
    link: str
    explanation: str
    fix: Fix


def _without(model: dict[str, Any], grants: tuple[Grant, ...]) -> dict[str, Any]:
    model = copy.deepcopy(model)
    for taken in grants:
        present, grant = model["workloads"][taken.workload]["grants"], {"role": taken.role, "scope": taken.scope}
        if grant not in present:
            raise LabFileError(f"{taken.workload} has no {taken.role} on {taken.scope}, which the lab takes away")
        present.remove(grant)
    return model


def names() -> list[str]:
    """Every lab, in the order of the chain, as the files' names have it."""
    return [path.stem.partition("-")[2] for path in sorted(LABS.glob("[0-9]*-*.yaml"))]


def load(name: str) -> Lab:
    """Raises `LabFileError`."""
    found = sorted(LABS.glob(f"[0-9]*-{name}.yaml"))
    if not found:
        raise LabFileError(f"there is no lab {name}. `make lab` lists them")
    return read(found[0])


def read(path: Path) -> Lab:
    """Raises `LabFileError`. `$(backendClientId)` stands for the backend's client id, `$(issuer)` for the cluster's
    issuer, `$(issuerWithoutSlash)` for the same without the slash at its end, and `$(publicAuthorities)` for the file
    of the authorities that browsers trust."""
    text = path.read_text()
    workloads = yaml.safe_load((ROOT / "infra/access.yaml").read_text())["workloads"]
    values = {f"{workload}ClientId": client_id(workload) for workload in workloads}
    values["publicAuthorities"] = certifi.where()
    for key, value in (values | {"issuer": ISSUER, "issuerWithoutSlash": ISSUER.rstrip("/")}).items():
        text = text.replace(f"$({key})", value)
    try:
        written = yaml_document.parse(text.encode())
        return Lab.model_validate({"name": path.stem.partition("-")[2]} | written)
    except (YamlError, TypeError) as error:
        raise LabFileError(f"{path} is no lab: {error}") from error
    except ValidationError as error:
        raise LabFileError(f"{path} is wrong: {'; '.join(faults_of(error))}") from error
