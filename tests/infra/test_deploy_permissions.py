"""The deployer's rights, asked before anything is made: the roles that suffice, and what each other pair lacks."""

from pathlib import Path

import pytest

from tests.infra.deploying import Checkout

WEST = ("--location", "westeurope")
DEFINITIONS = "make custom roles (Microsoft.Authorization/roleDefinitions/write)"
ASSIGNMENTS = "assign roles (Microsoft.Authorization/roleAssignments/write)"
POLICIES = "assign the policies on issuers (Microsoft.Authorization/policyAssignments/write)"
CLUSTER = "make the cluster (Microsoft.ContainerService/managedClusters/write)"
CONTRIBUTOR, ACCESS = "Contributor", "User Access Administrator"
RBAC, POLICY = "Role Based Access Control Administrator", "Resource Policy Contributor"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize(
    ("roles", "refused"),
    [
        ([], {DEFINITIONS, ASSIGNMENTS, POLICIES, CLUSTER}),
        (["Reader"], {DEFINITIONS, ASSIGNMENTS, POLICIES, CLUSTER}),
        ([CONTRIBUTOR], {DEFINITIONS, ASSIGNMENTS, POLICIES}),
        ([ACCESS], {CLUSTER}),
        ([CONTRIBUTOR, RBAC], {DEFINITIONS, POLICIES}),
        ([CONTRIBUTOR, RBAC, POLICY], {DEFINITIONS}),
    ],
    ids=lambda value: " and ".join(value) or "none" if isinstance(value, list) else "",
)
def test_a_right_that_is_missing_is_named_before_anything_is_made(
    checkout: Checkout, roles: list[str], refused: set[str]
) -> None:
    """The sentence has what the account may not do, and the roles that would do; Azure is not changed."""
    checkout.change_cloud(deployers_roles=roles)
    before = checkout.cloud
    run = checkout.run("up", *WEST)
    assert run.code == 1
    assert {each for each in (DEFINITIONS, ASSIGNMENTS, POLICIES, CLUSTER) if each in run.errors} == refused
    assert "Owner may do all of it, and so may Contributor together with User Access Administrator" in run.errors
    assert checkout.cloud == before


@pytest.mark.parametrize("roles", [["Owner"], [CONTRIBUTOR, ACCESS], ["Reader", "Owner"]], ids=" and ".join)
def test_the_documented_roles_suffice(checkout: Checkout, roles: list[str]) -> None:
    """What the README names as enough goes past the check, to the infrastructure."""
    checkout.change_cloud(deployers_roles=roles)
    checkout.fail("az deployment sub create", "this far")
    assert "this far" in checkout.run("up", *WEST).errors
    for page in ("infra/README.md", "docs/ci.md"):
        words = " ".join(Path(page).read_text().split())
        assert "Owner, or Contributor with User Access Administrator" in words
