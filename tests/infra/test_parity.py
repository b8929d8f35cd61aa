"""Bicep and Terraform deploy the same access: a change to one alone fails here by the name of what differs."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from tests.infra import access_of_bicep, access_of_terraform
from tests.infra.derived import PROFILES, Deployment

CASES = [(profile, field.name) for profile in PROFILES for field in fields(Deployment)]


@pytest.mark.parametrize(("profile", "part"), CASES, ids=["-".join(case) for case in CASES])
def test_both_languages_deploy_the_same(profile: str, part: str) -> None:
    """Grants, federated subjects, firewalls, policies, audit, outputs and the ids of roles are equal."""
    assert getattr(access_of_terraform.deployment(profile), part) == getattr(access_of_bicep.deployment(profile), part)


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
