"""Bicep and Terraform deploy the same: a change to one alone fails here by the name of what differs."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from tests.infra import bicep_snapshot
from tests.infra.deployments import deployment, every_profile, safeguards
from tests.infra.derived import MODEL, Deployment
from tests.infra.safeguards import Safeguards
from tests.infra.terraform_snapshot import Snapshot

APPLICATIONS = "terraform with app registrations"


@every_profile
@pytest.mark.parametrize("part", [field.name for field in fields(Deployment)])
def test_both_languages_give_the_same_access(profile: str, part: str) -> None:
    """Grants, federated subjects, policies, entities, outputs and the ids of roles are equal."""
    assert getattr(deployment("terraform", profile), part) == getattr(deployment("bicep", profile), part)


@every_profile
@pytest.mark.parametrize("part", [field.name for field in fields(Safeguards)])
def test_both_languages_protect_the_same(profile: str, part: str) -> None:
    """Firewalls, audit, the cluster, zones and subnets are equal."""
    assert getattr(safeguards("terraform", profile), part) == getattr(safeguards("bicep", profile), part)


# One language writes these as resources of their own, the other as a part of the resource above them.
PARTS = {
    "Microsoft.Authorization/roleDefinitions",  # Terraform's id of it has a second half; `assignments` has them
    "Microsoft.ContainerService/managedClusters/agentPools",
    "Microsoft.Insights/diagnosticSettings",  # as the role definitions; `audited` has them
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
    "Microsoft.Network/virtualNetworks/subnets",
    "Microsoft.ServiceBus/namespaces/networkRuleSets",
    "Microsoft.Storage/storageAccounts/blobServices",
}


@every_profile
def test_both_languages_make_the_same_resources_by_the_same_names(profile: str) -> None:
    """Every resource that is one in both languages has the same id: type, name and place."""
    bicep = {resource["id"] for resource in bicep_snapshot.snapshot(profile)["predictedResources"]}
    terraform = Snapshot(profile).resource_ids()
    assert {i for i in terraform if _type(i) not in PARTS} == {i for i in bicep if _type(i) not in PARTS}


def _type(resource_id: str) -> str:
    """`Microsoft.ServiceBus/namespaces/queues` for the id of a queue."""
    namespace, *names = resource_id.rsplit("/providers/", 1)[-1].split("/")
    return "/".join([namespace, *names[::2]])


@every_profile
def test_app_registrations_get_what_managed_identities_get(profile: str) -> None:
    """With `identity_kind = application` the workloads' grants, trust and everything else stay the same."""
    managed, application = deployment("terraform", profile), deployment(APPLICATIONS, profile)
    for field in fields(Deployment):
        if field.name != "assignments":  # a workload's assignment is named after its identity
            assert getattr(application, field.name) == getattr(managed, field.name), field.name
    assert safeguards(APPLICATIONS, profile) == safeguards("terraform", profile)


@every_profile
@pytest.mark.parametrize("kind", ["managed", "application"])
def test_each_kind_of_identity_is_used_alone(profile: str, kind: str) -> None:
    """Workloads have managed identities or app registrations, never both; the platform's own are always managed."""
    snapshot = Snapshot(profile, kind)
    managed = {identity["name"] for identity in snapshot.of("azurerm_user_assigned_identity")}
    applications = {application["display_name"] for application in snapshot.of("azuread_application")}
    workloads = {f"keyless-{name}" for name in MODEL["workloads"]}
    platform = {"keyless-control-plane", "keyless-kubelet"} | ({"keyless-gateway"} if profile == "exposed" else set())
    assert (managed, applications) == (
        (platform, workloads) if kind == "application" else (platform | workloads, set())
    )


def test_both_languages_have_the_documented_modules() -> None:
    """The list of modules in `infra/README.md` is the list of folders and files."""
    section = Path("infra/README.md").read_text().split("## Modules")[1].split("\n## ")[0]
    documented = set(re.findall(r"^\| ([a-z-]+) \|", section, re.MULTILINE)) - {"module", "main"}
    terraform = {folder.name for folder in Path("infra/terraform/modules").iterdir()}
    bicep = {module.stem for module in Path("infra/bicep/modules").glob("*.bicep")}
    assert terraform == documented
    assert bicep >= documented
