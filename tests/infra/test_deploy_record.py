"""The record of a deployment is in Azure: another machine, another person and a pipeline go on from it."""

import json
from pathlib import Path

import pytest

from tests.infra.deploying import Checkout

WEST = ("--location", "westeurope")
EKS = json.dumps([{"name": "eks", "url": "https://oidc.eks.eu-west-1.amazonaws.com/id/0123"}])
PIPELINE = "00000000-0000-0000-0000-0000000000c9"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize("iac", ["bicep", "terraform"])
def test_another_machine_goes_on_from_the_groups_tags(checkout: Checkout, iac: str) -> None:
    """Without the first machine's folder and settings, suffix, language, issuers, addresses and nodes stay."""
    options = ("--iac", iac, "--issuers", EKS, "--addresses", "20.50.2.3,20.50.2.4", "--node-count", "2")
    checkout.succeed("up", *WEST, *options)
    recorded, vaults = checkout.recorded(), checkout.cloud["vaults"]
    assert recorded["addresses"] == "20.50.2.3,20.50.2.4"
    assert recorded["issuer:eks"] == "https://oidc.eks.eu-west-1.amazonaws.com/id/0123"
    checkout.lose_the_folder()
    checkout.succeed("up")
    assert checkout.recorded() == recorded
    assert checkout.cloud["vaults"] == vaults
    checkout.lose_the_folder()
    checkout.succeed("smoke")


def test_a_settings_own_value_can_be_taken_back(checkout: Checkout) -> None:
    """An empty list of addresses or issuers removes what was recorded."""
    checkout.succeed("up", *WEST, "--issuers", EKS, "--addresses", "20.50.2.3")
    checkout.succeed("up", "--issuers", "[]", "--addresses", "")
    assert not [tag for tag in checkout.recorded() if tag == "addresses" or tag.startswith("issuer:")]


@pytest.mark.parametrize("tags", [None, {}, {"application": "keyless"}, {"application": "other", "suffix": "a1b2c"}])
def test_a_group_that_is_anothers_is_left_alone(checkout: Checkout, tags: dict[str, str] | None) -> None:
    """If a group of that name has no record of this deployment, nothing is deployed into it or deleted from it."""
    checkout.change_cloud(groups={"keyless-rg": {"location": "westeurope", "tags": tags}})
    before = checkout.cloud
    for verb in (("up", *WEST), ("what-if", *WEST), ("smoke",), ("destroy",)):
        run = checkout.run(*verb)
        assert run.code == 1
        assert "choose another NAME" in run.errors
    assert checkout.cloud == before


@pytest.mark.parametrize("iac", ["bicep", "terraform"])
def test_who_deployed_before_keeps_the_roles(checkout: Checkout, iac: str) -> None:
    """A pipeline that deploys after a person is one more deployer, and the person stays one."""
    checkout.succeed("up", *WEST, "--iac", iac)
    person = checkout.cloud["principal"]
    checkout.change_cloud(principal=PIPELINE, admins=[])
    checkout.lose_the_folder()
    checkout.succeed("up")
    assert checkout.cloud["admins"] == sorted([person, PIPELINE])
    assert {tag for tag in checkout.recorded() if tag.startswith("deployer:")} == {
        f"deployer:{person}",
        f"deployer:{PIPELINE}",
    }


def test_terraforms_state_takes_entra_tokens_only(checkout: Checkout) -> None:
    """The account is made before Terraform starts, the backend shows no key, and destroy deletes it."""
    checkout.succeed("up", *WEST, "--iac", "terraform")
    backend = json.loads((checkout.root / ".deploy/keyless/infra/terraform/backend.tf.json").read_text())
    settings = backend["terraform"]["backend"]["azurerm"]
    assert settings["use_azuread_auth"] is True
    assert not {"access_key", "sas_token"} & settings.keys()
    [create] = [call for call in checkout.calls("az") if call[1:4] == ["storage", "account", "create"]]
    assert create[create.index("--name") + 1] == settings["storage_account_name"]
    assert create[create.index("--allow-shared-key-access") + 1] == "false"
    assert checkout.cloud["state_writers"] == [checkout.cloud["principal"]]
    checkout.lose_the_folder()
    checkout.succeed("destroy")
    assert checkout.cloud["groups"] == {}
    assert [call for call in checkout.calls("terraform") if "destroy" in call]


def test_what_is_deployed_by_terraform_needs_no_state_to_be_shown(checkout: Checkout) -> None:
    """Before the first deployment, `what-if` makes no storage account for a state that is empty."""
    checkout.succeed("what-if", *WEST, "--iac", "terraform")
    assert checkout.untouched
