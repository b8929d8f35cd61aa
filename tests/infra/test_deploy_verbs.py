"""The other verbs of `infra.deploy` against stand-ins, and what is refused before anything is touched."""

from pathlib import Path

import pytest
import yaml

from tests.infra.deploying import Checkout

WEST = ("--location", "westeurope")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A completed deployment, for `deployed` to copy."""
    checkout = Checkout(tmp_path_factory.mktemp("deployment"))
    checkout.succeed("up", *WEST)
    return checkout


@pytest.fixture
def deployed(deployment: Checkout, tmp_path: Path) -> Checkout:
    return deployment.copied_to(tmp_path / "deployed")


def test_the_tests_run_in_the_cluster_and_their_outcome_is_the_commands(deployed: Checkout) -> None:
    """`smoke` builds the tests' image once, runs the Job, prints what the tests said, and fails when one failed."""
    passed = deployed.succeed("smoke")
    assert "36 passed" in passed.output
    job = next(o for o in yaml.safe_load_all(deployed.cloud["applied"][-1]) if o["kind"] == "Job")
    image = job["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image.split("/", 1)[1] == deployed.cloud["images"][-1]
    images = deployed.cloud["images"]
    deployed.change_cloud(smoke="/1")
    failed = deployed.run("smoke")
    assert failed.code == 1
    assert "The end-to-end tests failed" in failed.errors
    assert deployed.cloud["images"] == images


def test_nothing_is_left_of_a_destroyed_deployment(deployed: Checkout) -> None:
    """Group, custom roles and the soft-deleted vault are gone; a repeat is no error."""
    deployed.succeed("destroy")
    gone = {kind: deployed.cloud[kind] for kind in ("groups", "vaults", "deleted", "roles")}
    assert gone == {"groups": {}, "vaults": {}, "deleted": {}, "roles": {}}
    deployed.succeed("destroy")


def test_a_destruction_that_was_interrupted_is_completed_by_the_next(deployed: Checkout) -> None:
    """If the purge fails, the record stays, and the next run purges."""
    deployed.fail("keyvault purge", "TooManyRequests")
    assert deployed.run("destroy").code == 1
    deployed.succeed("destroy")
    assert deployed.cloud["deleted"] == {}


def test_what_outlives_the_group_is_found_when_the_group_is_gone(deployed: Checkout) -> None:
    """If somebody deleted the group by hand, on another machine, the roles and the vault are found by its id."""
    [vault] = deployed.cloud["vaults"]
    other = {"other-1": "Keyless Queue Reader (other-a1b2c)"}
    deleted = {vault: {"group": "keyless-rg", "purge_protected": False}}
    deleted |= {"other-a1b2c": {"group": "other-rg", "purge_protected": False}}
    deployed.change_cloud(groups={}, vaults={}, roles=deployed.cloud["roles"] | other, deleted=deleted)
    deployed.lose_the_folder()
    deployed.succeed("destroy")
    assert deployed.cloud["roles"] == other
    assert [*deployed.cloud["deleted"]] == ["other-a1b2c"]


def test_a_purge_protected_vault_is_said_to_stay(checkout: Checkout) -> None:
    """Production's vault can't be purged. A line says so, and the run succeeds."""
    checkout.succeed("up", *WEST, "--profile", "production")
    gone = checkout.succeed("destroy")
    assert "purge-protected" in gone.output
    assert not [call for call in checkout.calls("az") if "purge" in call]


def test_a_rotation_hands_over_a_new_pair_that_belongs_together(deployed: Checkout) -> None:
    """The public half first, the private one tagged with its version, by standard input; nothing else changes."""
    before = len(deployed.calls())
    deployed.succeed("rotate-receipt-key")
    puts = [call for call in deployed.calls()[before:] if "put" in call]
    written = [next(part for part in call if "/secrets/" in part).split("/secrets/")[1] for call in puts]
    assert [name.split("?")[0] for name in written] == ["receipt-public-key", "receipt-signing-key"]
    ((vault),) = deployed.cloud["vaults"].values()
    tags = deployed.cloud["tags"]["receipt-signing-key"]
    assert tags == {"application": "keyless", "profile": "learn", "kid": "version2"}
    assert {name: len(values) for name, values in vault["secrets"].items()} == {
        "frontend-signing-key": 1,
        "receipt-public-key": 2,
        "receipt-signing-key": 2,
    }
    for value in (values[-1] for values in vault["secrets"].values()):
        assert value.splitlines()[-2 if "\n" in value else 0].encode() not in deployed.files()
    deployed.succeed("rotate-session-key")
    ((vault),) = deployed.cloud["vaults"].values()
    assert len(vault["secrets"]["frontend-signing-key"]) == 2


@pytest.mark.parametrize("language", ["bicep", "terraform"])
def test_what_would_change_is_shown_and_nothing_made_or_remembered(checkout: Checkout, language: str) -> None:
    """`what-if` prints the tool's own preview."""
    shown = checkout.succeed("what-if", *WEST, "--iac", language)
    assert "60 to" in shown.output
    assert checkout.untouched


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("az", "The Azure CLI is missing"),
        ("terraform", "Terraform 1.11 or newer is missing"),
        ("kubelogin", "kubelogin is missing"),
    ],
)
def test_a_missing_tool_is_named_with_where_to_get_it(checkout: Checkout, program: str, sentence: str) -> None:
    """Before anything is done."""
    checkout.remove(program)
    refused = checkout.run("up", *WEST, "--iac", "terraform")
    assert refused.code == 1
    assert sentence in refused.errors
    assert checkout.untouched


@pytest.mark.parametrize(
    ("match", "sentence"),
    [
        ("az bicep version", "`az bicep install`"),
        ("az account show", "`az login`"),
        ("az ad signed-in-user show", "Entra doesn't tell the object id of ada@example.com"),
    ],
)
def test_what_is_not_set_up_is_named_with_its_command(checkout: Checkout, match: str, sentence: str) -> None:
    """Without Bicep, without a sign-in, or for an account that Entra does not describe, one sentence says so."""
    checkout.fail(match, "no")
    refused = checkout.run("up", *WEST)
    assert refused.code == 1
    assert sentence in refused.errors


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "make deploy LOCATION=westeurope"),
        ((*WEST, "--name", "Key-less"), "3 to 12 lower-case letters and digits"),
        ((*WEST, "--hostname", "https://orders.example.com/"), "HOSTNAME is a name such as"),
        ((*WEST, "--identity-kind", "application"), "IAC=terraform"),
        ((*WEST, "--issuers", "eks"), "a JSON list of"),
        ((*WEST, "--issuers", '[{"name": "eks"}]'), "a JSON list of"),
        ((*WEST, "--addresses", "20.50.2.0/24"), "IPv4 addresses, separated by commas"),
        ((*WEST, "--addresses", "20.50.2.3,10.0.0.4"), "10.0.0.4 is private"),
        ((*WEST, "--addresses", "20.50.2.3", "--profile", "production"), "Production has no firewall to open"),
        ((*WEST, "--node-count", "0"), "a number from 1 to 100"),
        ((*WEST, "--issuers", '[{"name": "x", "url": "https://%s"}]' % ("x" * 260)), "holds 256 characters"),
    ],
)
def test_a_wrong_value_is_refused_with_a_sentence(
    checkout: Checkout, arguments: tuple[str, ...], sentence: str
) -> None:
    """Nothing is asked of Azure that changes it."""
    refused = checkout.run("up", *arguments)
    assert refused.code in {1, 2}
    assert sentence in refused.errors
    assert "Traceback" not in refused.errors
    assert checkout.untouched


def test_what_cannot_be_changed_in_place_is_refused(deployed: Checkout) -> None:
    """Another region, profile or language is another deployment."""
    for option, value in (("--location", "northeurope"), ("--profile", "production"), ("--iac", "terraform")):
        refused = deployed.run("up", option, value)
        assert refused.code == 1
        assert f"can't become {value} in place" in refused.errors


@pytest.mark.parametrize("verb", ["smoke", "rotate-receipt-key", "rotate-session-key"])
def test_a_verb_that_needs_a_deployment_says_so(checkout: Checkout, verb: str) -> None:
    """Without a deployment, the sentence names the command that comes first."""
    refused = checkout.run(verb)
    assert refused.code == 1
    assert "`make deploy NAME=keyless` comes first" in refused.errors
