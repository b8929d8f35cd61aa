"""The Terraform configuration, run offline by the real Terraform against the real schemas of its providers."""

import json
import re
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from tests.infra.terraform import snapshot
from tests.infra.terraform.cli import Terraform

REQUIRED = snapshot.SECRETS | {
    "location": "westeurope",
    "suffix": "a1b2c",
    "deployers": [{"principal_id": "00000000-0000-0000-0000-0000000000d0", "principal_type": "User"}],
}


def test_the_configuration_is_formatted(terraform: Terraform) -> None:
    """`terraform fmt` has nothing to change, in the snapshots' inputs neither."""
    inputs = str(snapshot.SNAPSHOTS.resolve())
    assert terraform.run("fmt", "-check", "-recursive", "-diff", ".", inputs).output.strip() == ""


def test_the_configuration_is_valid(terraform: Terraform) -> None:
    """Every argument exists in the provider's schema and has its type; there is no warning either."""
    verdict = json.loads(terraform.run("validate", "-json").output)
    assert (verdict["valid"], verdict["diagnostics"]) == (True, [])


@pytest.mark.parametrize("provider", ["azurerm", "azapi", "azuread"])
def test_each_provider_is_the_version_that_was_tried(provider: str) -> None:
    """The version is exact, so that every machine takes the same: the one whose schema the stand-ins carry."""
    page = metadata.metadata(f"cdktn-provider-{provider}")
    described = "".join(filter(None, (page["Description"], page.get_payload())))
    [tried] = set(re.findall(r"# CDKTN prebuilt bindings for \S+ provider version ([\d.]+)", described))
    wanted = re.findall(rf'/{provider}"\n\s+version = "([^"]+)"', Path("infra/terraform/versions.tf").read_text())
    assert wanted == [tried]


def test_an_argument_that_the_provider_has_not_is_refused(terraform: Terraform) -> None:
    """The stand-ins carry the real schema: a misspelt argument fails as it does with the provider."""
    group = 'resource "azurerm_resource_group" "x" {\n  name = "x"\n  location = "x"\n  flavour = "x"\n}\n'
    (terraform.folder / "misspelt.tf").write_text(group)
    assert 'An argument named "flavour" is not expected here' in terraform.run("validate").output


def test_a_combination_that_the_provider_refuses_is_refused(terraform: Terraform) -> None:
    """The stand-ins know what azurerm itself checks, such as that a Basic registry cannot be private."""
    file = terraform.folder / "modules" / "registry" / "main.tf"
    file.write_text(file.read_text().replace('var.production ? "Premium" : "Basic"', '"Basic"'))
    result = terraform.run(
        "apply", "-auto-approve", *snapshot.inputs("production"), variables=snapshot.given("managed")
    )
    assert result.code == 1
    assert "ACR zone redundancy can only be applied when using the Premium Sku" in result.output


@pytest.mark.parametrize(("profile", "kind"), snapshot.DEPLOYMENTS)
def test_the_snapshot_is_current(terraform: Terraform, profile: str, kind: str) -> None:
    """What is applied is what `infra/snapshots/terraform` says, and applying it again would change nothing."""
    made = snapshot.apply(terraform, profile, kind)
    assert made == snapshot.path(profile, kind).read_text(), "run `python -m tests.infra.terraform.snapshot`"
    again = terraform.run("plan", "-detailed-exitcode", *snapshot.inputs(profile), variables=snapshot.given(kind))
    assert again.code == 0, again.output


def test_no_secret_is_written_anywhere(terraform: Terraform) -> None:
    """After plan and apply none of the three secrets is in a file of the working folder, nor in what was printed."""
    inputs = snapshot.inputs("exposed")
    printed = terraform.succeed("plan", "-out=plan.bin", *inputs, variables=snapshot.given("managed"))
    printed += terraform.succeed("show", "-json", "plan.bin")
    printed += terraform.succeed("apply", "plan.bin", variables=snapshot.given("managed"))
    printed += terraform.succeed("show", "-json")
    written = b"".join(file.read_bytes() for file in terraform.folder.rglob("*") if file.is_file())
    with zipfile.ZipFile(terraform.folder / "plan.bin") as plan:
        written += b"".join(plan.read(name) for name in plan.namelist())
    for value in snapshot.SECRETS.values():
        assert value not in printed
        assert value.encode() not in written


def test_a_secret_that_changed_is_not_written_again(terraform: Terraform) -> None:
    """Other values at a later run change nothing: a secret is made once, and its rotation is another command's work."""
    snapshot.apply(terraform, "learn", "managed")
    others = {name: value + ", and another" for name, value in snapshot.SECRETS.items()}
    later = terraform.run("plan", "-detailed-exitcode", *snapshot.inputs("learn"), variables=others)
    assert later.code == 0, later.output


def test_a_secret_cannot_reach_what_is_stored(terraform: Terraform) -> None:
    """Terraform itself refuses to give a secret to an argument that would be kept in the state."""
    group = 'resource "azurerm_resource_group" "x" {\n  name = var.receipt_signing_key\n  location = "x"\n}\n'
    (terraform.folder / "leak.tf").write_text(group)
    assert "Ephemeral values are not valid" in " ".join(terraform.run("plan", variables=REQUIRED).output.split())


def test_a_grant_taken_from_the_model_is_taken_from_the_workload(terraform: Terraform) -> None:
    """Removing one line from `access.yaml` destroys one role assignment, and nothing else."""
    snapshot.apply(terraform, "learn", "managed")
    file = terraform.folder.parent / "access.yaml"
    model = yaml.safe_load(file.read_text())
    model["workloads"]["frontend"]["grants"] = [
        grant for grant in model["workloads"]["frontend"]["grants"] if grant["scope"] != "serviceBus/orders"
    ]
    file.write_text(yaml.safe_dump(model))
    terraform.succeed("plan", "-out=plan.bin", *snapshot.inputs("learn"), variables=snapshot.given("managed"))
    plan = json.loads(terraform.succeed("show", "-json", "plan.bin"))
    changes = [
        (c["address"], c["change"]["actions"]) for c in plan["resource_changes"] if c["change"]["actions"] != ["no-op"]
    ]
    address = 'module.access.azurerm_role_assignment.grant["frontend/Azure Service Bus Data Sender/serviceBus/orders"]'
    assert changes == [(address, ["delete"])]


def test_everything_can_be_destroyed(terraform: Terraform) -> None:
    """`terraform destroy` leaves nothing in the state."""
    snapshot.apply(terraform, "exposed", "application")
    terraform.succeed("destroy", "-auto-approve", *snapshot.inputs("exposed"), variables=snapshot.given("application"))
    assert "values" not in json.loads(terraform.succeed("show", "-json"))
