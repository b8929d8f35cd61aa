"""What the model no longer grants is taken away by the next deployment, by Bicep too, which by itself only adds."""

import json
from pathlib import Path

import pytest
import yaml

from infra.deploy.leftovers import expected
from infra.deploy.record import Deployment
from tests.infra.deploying import Checkout

WEST = ("--location", "westeurope")
EKS = json.dumps([{"name": "eks", "url": "https://oidc.eks.eu-west-1.amazonaws.com/id/0123"}])


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_the_names_of_what_is_granted_are_those_that_bicep_deploys() -> None:
    """Computed here and by the compiler, assignments and credentials of the workloads' identities are the same."""
    resources = json.loads(Path("infra/snapshots/bicep/exposed.snapshot.json").read_text())["predictedResources"]
    credentials = [r for r in resources if r["type"].endswith("federatedIdentityCredentials")]
    urls = {str(r["properties"]["issuer"]) for r in credentials if not r["id"].endswith("/aks")}
    issuers = [{"name": f"issuer{n}", "url": url} for n, url in enumerate(sorted(urls))]
    assert len(issuers) == 2
    deployment = Deployment(
        name="keyless",
        suffix="a1b2c",
        subscription="00000000-0000-0000-0000-000000000001",
        location="westeurope",
        hostname="orders.example.com",
        issuers=json.dumps(issuers),
    )
    granted = expected(deployment, yaml.safe_load(Path("infra/access.yaml").read_text()))
    assigned = {r["id"].rsplit("/", 1)[1] for r in resources if _is_assigned_to(r, granted)}
    assert len(assigned) > 10
    assert {name for names in granted.values() for name in names.roles | names.cosmos_roles} == assigned
    trusted = {tuple(r["id"].split("/")[-3::2]) for r in credentials}
    assert {(identity, name) for identity, names in granted.items() for name in names.credentials} == trusted


def test_a_grant_and_an_issuer_that_are_taken_out_are_revoked(checkout: Checkout) -> None:
    """A grant that leaves the model leaves Azure too, also on Cosmos DB, and an issuer that leaves is not trusted."""
    checkout.succeed("up", *WEST, "--issuers", EKS)
    before = checkout.cloud
    file = checkout.root / "infra" / "access.yaml"
    model = yaml.safe_load(file.read_text())
    frontend = model["workloads"]["frontend"]
    frontend["grants"] = [g for g in frontend["grants"] if g["scope"] not in {"blob/receipts", "cosmos/orders"}]
    file.write_text(yaml.safe_dump(model))
    checkout.hand_over_the_model()
    run = checkout.succeed("up", "--issuers", "[]")
    gone = [a for key, a in before["assignments"].items() if key not in checkout.cloud["assignments"]]
    assert sorted(a["roleDefinitionName"] for a in gone) == ["Keyless Order Reader", "Storage Blob Data Reader"]
    assert run.output.count("revoked") == 2 + len(model["workloads"])
    assert all([*names] == ["aks"] for names in checkout.cloud["credentials"].values())
    assert "revoked" not in checkout.succeed("up").output


def test_nothing_is_revoked_while_a_grant_is_not_recognised(checkout: Checkout) -> None:
    """If Azure's answer does not have a grant of the model yet, nothing is revoked."""
    checkout.succeed("up", *WEST, "--issuers", EKS)
    before = checkout.cloud
    checkout.change_cloud(forgetful=True)
    refused = checkout.run("up", "--issuers", "[]", "--patience", "0")
    assert refused.code == 1
    assert "is not found in Azure, so nothing was revoked" in refused.errors
    assert checkout.cloud["assignments"] == before["assignments"]
    assert checkout.cloud["credentials"] == before["credentials"]


def test_an_issuer_can_be_renamed_and_its_url_changed(checkout: Checkout) -> None:
    """Azure refuses a second credential of one issuer. A new name makes none; a new URL makes one, and the old goes."""
    checkout.succeed("up", *WEST, "--issuers", EKS)
    before = checkout.cloud["credentials"]
    [issuer] = json.loads(EKS)
    checkout.succeed("up", "--issuers", json.dumps([issuer | {"name": "renamed"}]))
    assert checkout.cloud["credentials"] == before
    assert checkout.recorded()["issuer:renamed"] == issuer["url"]
    moved = checkout.succeed("up", "--issuers", json.dumps([issuer | {"url": f"{issuer['url']}/moved"}]))
    assert f"the trust in the issuer {issuer['url']}\n" in moved.output
    trusted = checkout.cloud["credentials"]["keyless-frontend"].values()
    assert sorted(trusted) == sorted(["the cluster, by aks", f"{issuer['url']}/moved"])


def _is_assigned_to(resource: dict, identities: dict) -> bool:  # type: ignore[type-arg]
    principal = str(resource["properties"].get("principalId", "")) if "properties" in resource else ""
    return "oleAssignments" in resource["type"] and any(f"/{identity}'" in principal for identity in identities)
