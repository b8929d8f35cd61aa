"""Applies the configuration to the stand-ins and writes down what was made: `infra/snapshots/terraform/`.

Run it after a change to `infra/terraform` or `infra/access.yaml`, and read the diff as what the change deploys:
`uv run --group infra python -m tests.infra.terraform.snapshot`. `make check` finds a snapshot that is out of date.
"""

import json
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from tests.infra.derived import BINDINGS, PROFILES
from tests.infra.terraform.cli import INFRA, Terraform

SNAPSHOTS = INFRA / "snapshots" / "terraform"
IDENTITY_KINDS = ("managed", "application")
DEPLOYMENTS = [*product(PROFILES, IDENTITY_KINDS), (BINDINGS, "managed")]
"""Each has a snapshot. AKS binds no app registration."""
SECRETS = {
    "frontend_signing_key": "a made-up frontend signing key, long enough to pass",
    "receipt_public_key": "a made-up receipt public key, long enough to pass",
    "receipt_signing_key": "a made-up receipt signing key, long enough to pass",
}


def path(profile: str, identity_kind: str) -> Path:
    return SNAPSHOTS / f"{profile}-{identity_kind}.json"


def inputs(profile: str) -> list[str]:
    """Terraform's arguments for the deployment of a profile."""
    return [f"-var-file={(SNAPSHOTS / f'{profile}.tfvars').resolve()}"]


def given(identity_kind: str) -> dict[str, str]:
    """The variables beside them: the kind of identity, and secrets, which are in no file."""
    return SECRETS | {"identity_kind": identity_kind}


def apply(terraform: Terraform, profile: str, identity_kind: str) -> str:
    """Applies one of the snapshots' deployments in an initialised folder; returns the snapshot's text."""
    terraform.succeed("apply", "-auto-approve", "-input=false", *inputs(profile), variables=given(identity_kind))
    state = json.loads(terraform.succeed("show", "-json"))["values"]
    resources = {resource["address"]: _described(resource) for resource in _resources(state["root_module"])}
    outputs = {name: output["value"] for name, output in state["outputs"].items()}
    return json.dumps({"outputs": outputs, "resources": resources}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _resources(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (resource for resource in module.get("resources", []) if resource["mode"] == "managed")
    for child in module.get("child_modules", []):
        yield from _resources(child)


def _described(resource: dict[str, Any]) -> dict[str, Any]:
    """Type and arguments, without those that are not set."""
    return {"type": resource["type"], "values": _set_only(resource["values"])}


def _set_only(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _set_only(inner) for name, inner in value.items() if inner not in (None, [], {})}
    if isinstance(value, list):
        return [_set_only(inner) for inner in value]
    return value


def main() -> None:
    """Writes every snapshot anew."""
    from tests.infra.terraform.provider import serving  # needs the dependency group; the rest of this module does not

    with serving() as environment:
        for profile, identity_kind in DEPLOYMENTS:
            with tempfile.TemporaryDirectory() as folder:
                terraform = Terraform(Path(folder), environment)
                terraform.succeed("init")
                path(profile, identity_kind).write_text(apply(terraform, profile, identity_kind))


if __name__ == "__main__":
    main()
