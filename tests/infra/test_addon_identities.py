"""Every add-on of the cluster that brings an identity of its own stands in the table of identities."""

from pathlib import Path

import pytest

from tests.infra import bicep_snapshot
from tests.infra.derived import PROFILES

# https://learn.microsoft.com/azure/aks/managed-identity-overview
IDENTITIES = {
    "omsagent": "omsagent-{cluster}",
    "azureKeyvaultSecretsProvider": "azurekeyvaultsecretsprovider-{cluster}",
    "webAppRouting": "webapprouting-{cluster}",
}


@pytest.mark.parametrize("profile", PROFILES)
def test_each_add_on_that_brings_an_identity_is_in_the_table(profile: str) -> None:
    """The compiled cluster's add-ons are known, and the page names each one's identity."""
    resources = bicep_snapshot.snapshot(profile)["predictedResources"]
    [cluster] = [each for each in resources if each["type"] == "Microsoft.ContainerService/managedClusters"]
    add_ons = {name for name, held in cluster["properties"]["addonProfiles"].items() if held["enabled"]}
    add_ons |= {name for name, held in cluster["properties"]["ingressProfile"].items() if held.get("enabled")}
    assert {"omsagent", "webAppRouting"} <= add_ons <= IDENTITIES.keys()
    assert ("azureKeyvaultSecretsProvider" in add_ons) is (profile == "exposed")
    table = Path("docs/architecture.md").read_text().split("## The identities")[1]
    assert all(f"`{IDENTITIES[name]}`" in table for name in add_ons)
