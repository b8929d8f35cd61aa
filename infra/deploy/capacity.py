"""Whether the region has the nodes that a deployment asks for, asked before anything is made."""

from typing import Any

from infra.deploy.azure import Azure
from infra.deploy.programs import Failed
from infra.deploy.record import Deployment

_SIZES = {"learn": "Standard_D2ads_v5", "production": "Standard_D4ads_v5"}
"""What both languages take without a `node_size`."""

REGIONS = ("westeurope", "northeurope", "swedencentral", "eastus2", "westus3", "australiaeast")
"""Regions with three zones. https://learn.microsoft.com/azure/reliability/regions-list"""

_ZONES = {"1", "2", "3"}


def check(azure: Azure, deployment: Deployment) -> None:
    """Raises `Failed` if the region has not this size of nodes, not in every zone, or not enough of it is left."""
    size = deployment.node_size or _SIZES[deployment.profile]
    where = ("--location", deployment.location, "--subscription", deployment.subscription)
    # `--size` takes a part of a name too.
    offered = azure.ask(
        "vm", "list-skus", *where, "--size", size, "--resource-type", "virtualMachines", "--all", "true"
    )
    [sku] = [sku for sku in offered if sku["name"] == size] or [None]
    if sku is None or any(each["type"] == "Location" for each in sku["restrictions"]):
        raise Failed(
            f"Nodes of the size {size} are not offered to this subscription in {deployment.location}: choose another"
            f" NODE_SIZE with a local disk, or another LOCATION. Regions with three zones: {', '.join(REGIONS)}."
        )
    if deployment.private and (missing := _ZONES - _zones(sku)):
        raise Failed(
            f"{deployment.location} has no {size} in zone {', '.join(sorted(missing))}, and production spreads over"
            f" three: choose another NODE_SIZE or LOCATION ({', '.join(REGIONS)})."
        )
    _check_quota(azure.ask("vm", "list-usage", *where), sku, deployment)


def _check_quota(usages: list[dict[str, Any]], sku: dict[str, Any], deployment: Deployment) -> None:
    cores = next(int(each["value"]) for each in sku["capabilities"] if each["name"] == "vCPUs")
    least = 3 if deployment.private else 1
    needed = cores * (least + max(int(deployment.node_count or least), least))
    for usage in usages:
        if usage["name"]["value"] in {sku["family"], "cores"}:
            left = int(usage["limit"]) - int(usage["currentValue"])
            if left < needed:
                raise Failed(
                    f"{left} cores of the quota {usage['name']['localizedValue']} are left in {deployment.location},"
                    f" and the cluster needs {needed}: ask for more in the portal under Quotas, or choose another"
                    " NODE_SIZE or LOCATION."
                )


def _zones(sku: dict[str, Any]) -> set[str]:
    """Return the zones in which this subscription gets the size."""
    offered = {zone for info in sku["locationInfo"] for zone in info["zones"]}
    closed = {
        zone
        for each in sku["restrictions"]
        if each["type"] == "Zone"
        for zone in each["restrictionInfo"].get("zones") or []
    }
    return offered - closed
