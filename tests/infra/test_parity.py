"""Bicep and Terraform deploy the same access: a change to one alone fails here by the name of what differs."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from tests.infra import access_of_bicep, access_of_terraform, bicep_snapshot
from tests.infra.derived import PROFILES, Deployment

CASES = [(profile, field.name) for profile in PROFILES for field in fields(Deployment)]


@pytest.mark.parametrize(("profile", "part"), CASES, ids=["-".join(case) for case in CASES])
def test_both_languages_deploy_the_same(profile: str, part: str) -> None:
    """Grants, federated subjects, firewalls, policies, audit, outputs and the ids of roles are equal."""
    assert getattr(access_of_terraform.deployment(profile), part) == getattr(access_of_bicep.deployment(profile), part)


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


@pytest.mark.parametrize("profile", PROFILES)
def test_both_languages_make_the_same_resources_by_the_same_names(profile: str) -> None:
    """Every resource that is one in both languages has the same id: type, name and place."""
    bicep = {resource["id"] for resource in bicep_snapshot.snapshot(profile)["predictedResources"]}
    terraform = access_of_terraform.Snapshot(profile).resource_ids()
    assert {i for i in terraform if _type(i) not in PARTS} == {i for i in bicep if _type(i) not in PARTS}


def _type(resource_id: str) -> str:
    """`Microsoft.ServiceBus/namespaces/queues` for the id of a queue."""
    namespace, *names = resource_id.rsplit("/providers/", 1)[-1].split("/")
    return "/".join([namespace, *names[::2]])


@pytest.mark.parametrize("profile", PROFILES)
def test_app_registrations_get_what_managed_identities_get(profile: str) -> None:
    """With `identity_kind = application` the workloads' grants, trust and everything else stay the same."""
    managed = access_of_terraform.deployment(profile, "managed")
    application = access_of_terraform.deployment(profile, "application")
    for field in fields(Deployment):
        if field.name != "assignments":  # a workload's assignment is named after its identity
            assert getattr(application, field.name) == getattr(managed, field.name), field.name


def test_both_languages_have_the_documented_modules() -> None:
    """The list of modules in `infra/README.md` is the list of folders and files."""
    section = Path("infra/README.md").read_text().split("## Modules")[1].split("\n## ")[0]
    documented = set(re.findall(r"^\| ([a-z-]+) \|", section, re.MULTILINE)) - {"module", "main"}
    terraform = {folder.name for folder in Path("infra/terraform/modules").iterdir()}
    bicep = {module.stem for module in Path("infra/bicep/modules").glob("*.bicep")}
    assert terraform == documented
    assert bicep >= documented
