"""`make deploy FEDERATION=…` against stand-ins: what is deployed, and how a deployment moves without a gap."""

from pathlib import Path

import pytest

from tests.infra.deploying import Checkout

WEST = ("--location", "westeurope")
BOUND = {"frontend", "backend", "redrive", "repair"}
ANNOTATION = "azure.workload.identity/use-identity-binding"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def credentials(checkout: Checkout) -> dict[str, set[str]]:
    """The names of each workload's federated credentials in Azure."""
    return {name.removeprefix("keyless-"): set(names) for name, names in checkout.cloud["credentials"].items()}


@pytest.mark.parametrize("options", [(), ("--hostname", "orders.example.com")], ids=["not exposed", "exposed"])
def test_a_deployment_with_bindings_gives_its_pods_the_annotation(checkout: Checkout, options: tuple[str, ...]) -> None:
    """Each bound identity has its binding, the others keep the cluster's credential, and the pods are annotated."""
    checkout.succeed("up", *WEST, "--federation", "bindings", *options)
    assert set(checkout.cloud["bindings"]) == BOUND
    held = credentials(checkout)
    assert {name for name, names in held.items() if names == {"aks-identity-binding"}} == BOUND
    assert {name for name, names in held.items() if names == {"aks"}} == held.keys() - BOUND
    assert checkout.cloud["applied"][0].count(f'{ANNOTATION}: "true"') == len(BOUND)
    assert ("HTTPRoute" in checkout.cloud["applied"][0]) is bool(options)
    again = checkout.succeed("up")
    assert "moved" not in again.output
    assert "revoked" not in again.output


@pytest.mark.parametrize(("before", "after"), [("credentials", "bindings"), ("bindings", "credentials")])
def test_a_deployment_moves_while_both_ways_work(checkout: Checkout, before: str, after: str) -> None:
    """The old way is taken away after the last pod has moved, and not before, even if the first try breaks off."""
    checkout.succeed("up", *WEST, "--federation", before)
    checkout.fail("rollout status deployment/backend", "error: timed out waiting for the condition", times=99)
    broken = checkout.run("up", "--federation", after, "--patience", "0")
    assert broken.code == 1
    assert all(credentials(checkout)[name] == {"aks", "aks-identity-binding"} for name in BOUND)
    assert set(checkout.cloud["bindings"]) == BOUND
    checkout.change_cloud(faults=[])
    moved = checkout.succeed("up")
    assert f"✓ every pod has moved: identities trust the cluster by {after} alone" in moved.output
    own = {"bindings": "aks-identity-binding", "credentials": "aks"}[after]
    assert all(credentials(checkout)[name] == {own} for name in BOUND)
    assert set(checkout.cloud["bindings"]) == (BOUND if after == "bindings" else set())
    assert (ANNOTATION in checkout.cloud["applied"][-1]) is (after == "bindings")
    removed = [call for call in checkout.calls("kubectl") if "clusterroles,clusterrolebindings" in call]
    assert bool(removed) is (after == "credentials")


def test_terraform_is_told_of_the_move(checkout: Checkout) -> None:
    """It deploys both ways first, then the new one alone."""
    checkout.succeed("up", *WEST, "--iac", "terraform")
    checkout.change_cloud(federations=[])
    checkout.succeed("up", "--federation", "bindings")
    assert checkout.cloud["federations"] == ["both", "bindings"]


def test_app_registrations_are_not_bound(checkout: Checkout) -> None:
    """The pair is refused with a sentence, before anything is made."""
    refused = checkout.run(
        *("up", *WEST, "--iac", "terraform", "--identity-kind", "application", "--federation", "bindings")
    )
    assert refused.code == 1
    assert "An identity binding needs a managed identity: AKS binds no app registration." in refused.errors
    assert checkout.untouched
