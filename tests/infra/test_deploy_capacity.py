"""The size and number of the nodes: settings that are checked before anything is made, and left to the autoscaler."""

from pathlib import Path
from typing import Any

import pytest

from tests.infra.deploying import Checkout

WEST = ("--location", "westeurope")
PRODUCTION = ("--profile", "production")
CLOSED = [{"type": "Location", "reasonCode": "NotAvailableForSubscription", "restrictionInfo": {}}]
NO_THIRD_ZONE = [{"type": "Zone", "restrictionInfo": {"zones": ["3"]}}]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def restricted(checkout: Checkout, restrictions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [sku | {"restrictions": restrictions} for sku in checkout.cloud["skus"]]


@pytest.mark.parametrize(
    ("options", "change", "sentence"),
    [
        ((), {"skus": []}, "Standard_D2ads_v5 are not offered to this subscription in westeurope"),
        (("--node-size", "Standard_D9"), {}, "Standard_D9 are not offered to this subscription in westeurope"),
        ((), {"restrictions": CLOSED}, "Standard_D2ads_v5 are not offered to this subscription in westeurope"),
        (PRODUCTION, {"restrictions": NO_THIRD_ZONE}, "westeurope has no Standard_D4ads_v5 in zone 3"),
        ((), {"left": 3}, "3 cores of the quota cores are left in westeurope, and the cluster needs 4"),
        (PRODUCTION, {"left": 23}, "23 cores of the quota cores are left in westeurope, and the cluster needs 24"),
        (("--node-count", "5"), {"left": 11}, "11 cores of the quota cores are left in westeurope"),
    ],
)
def test_nodes_that_the_region_has_not_are_named_before_anything_is_made(
    checkout: Checkout, options: tuple[str, ...], change: dict[str, Any], sentence: str
) -> None:
    """A size that is not offered, a zone without it, or too little quota is a sentence, and nothing is made."""
    if "left" in change:
        usages = [usage | {"limit": str(10 + change["left"])} for usage in checkout.cloud["usages"]]
        change = {"usages": usages}
    if "restrictions" in change:
        change = {"skus": restricted(checkout, change["restrictions"])}
    checkout.change_cloud(**change)
    run = checkout.run("up", *WEST, *options)
    assert run.code == 1
    assert sentence in run.errors
    assert "LOCATION" in run.errors
    assert checkout.cloud["groups"] == {}


@pytest.mark.parametrize(
    ("options", "change"),
    [((), {"left": 4}), (PRODUCTION, {"left": 24}), ((), {"restrictions": NO_THIRD_ZONE})],
    ids=["learn", "production", "learn without a third zone"],
)
def test_what_just_suffices_is_deployed(checkout: Checkout, options: tuple[str, ...], change: dict[str, Any]) -> None:
    """The check refuses no deployment that Azure would take."""
    if "left" in change:
        checkout.change_cloud(usages=[u | {"limit": str(10 + change["left"])} for u in checkout.cloud["usages"]])
    else:
        checkout.change_cloud(skus=restricted(checkout, change["restrictions"]))
    checkout.fail("az deployment sub create", "this far")
    assert "this far" in checkout.run("up", *WEST, *options).errors


def test_a_cluster_that_runs_needs_no_quota_again(checkout: Checkout) -> None:
    """A repeat is not refused for cores that the deployment itself uses, and keeps the autoscaler's number of nodes."""
    checkout.succeed("up", *WEST)
    usages = [usage | {"limit": usage["currentValue"]} for usage in checkout.cloud["usages"]]
    checkout.change_cloud(usages=usages, clusters={"keyless-aks": {"system": 2, "user": 3}})
    checkout.succeed("up")
    assert checkout.cloud["clusters"] == {"keyless-aks": {"system": 2, "user": 3}}
