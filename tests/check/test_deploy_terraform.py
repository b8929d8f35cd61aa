"""`make deploy IAC=terraform` with the real Terraform, on stand-ins for its providers."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.infra.deploying import Checkout
from tests.infra.terraform.cli import command

# Notes the secrets that it is given, so that the test can look for them. Keeps the state in a file. Becomes Terraform.
_NOTING = """#!/bin/sh
env | grep '^TF_VAR_.*_key=' >> {notes} || true
folder="${{1#-chdir=}}"
if [ -e "$folder/backend.tf.json" ]; then
  echo '{{"terraform": {{"backend": {{"local": {{"path": "{state}"}}}}}}}}' > "$folder/backend.tf.json"
fi
exec {terraform} "$@"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path)
    program = command()
    assert program is not None
    made.install(
        "terraform",
        _NOTING.format(notes=tmp_path / "notes", state=tmp_path / "state.json", terraform=shlex.join(program)),
    )
    return made


def test_a_deployment_by_terraform_runs_twice_and_is_destroyed(
    checkout: Checkout, tmp_path: Path, providers: Mapping[str, str]
) -> None:
    """Outputs reach the manifests, a second run changes nothing, no secret is in the state, destroy empties it."""
    settings = dict(providers) | {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    first = checkout.succeed("up", "--location", "westeurope", "--iac", "terraform", settings=settings)
    state = tmp_path / "state.json"
    made, outputs = (json.loads(state.read_text())[part] for part in ("resources", "outputs"))
    assert len(made) > 20
    assert outputs["resourceGroupName"]["value"] == "keyless-rg"
    assert outputs["keyVaultEndpoint"]["value"] in checkout.cloud["applied"][0]
    tags = next(each for each in made if each["type"] == "azurerm_resource_group")["instances"][0]["attributes"]["tags"]
    checkout.change_cloud(groups=checkout.cloud["groups"] | {"keyless-rg": {"location": "westeurope", "tags": tags}})
    again = checkout.succeed("up", settings=settings)
    assert json.loads(state.read_text())["resources"] == made

    secrets = [line.split("=", 1)[1] for line in (tmp_path / "notes").read_text().splitlines()]
    assert len([secret for secret in secrets if len(secret) == 64]) > 2  # the session key's 256 bits, at each call
    for secret in (secret for secret in secrets if not secret.startswith("-----")):
        assert secret not in first.printed + again.printed
        assert secret.encode() not in checkout.files()

    shown = checkout.succeed("what-if", settings=settings)
    assert "No changes." in shown.output
    checkout.succeed("destroy", settings=settings)
    assert json.loads(state.read_text())["resources"] == []


def test_a_value_that_terraform_refuses_is_told_in_its_own_sentence(
    checkout: Checkout, tmp_path: Path, providers: Mapping[str, str]
) -> None:
    """Terraform's own words are printed by `make`."""
    settings = dict(providers) | {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    issuers = '[{"name": "aks", "url": "https://oidc.example.com"}]'
    options = ("--location", "westeurope", "--iac", "terraform", "--issuers", issuers)
    refused = checkout.run("up", *options, settings=settings)
    assert refused.code == 1
    assert "No further issuer may be named `aks`" in refused.errors
