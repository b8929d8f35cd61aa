"""What each language deploys in each profile: the cases of the tests that hold for Bicep and Terraform alike."""

import pytest

from tests.infra import access_of_bicep, access_of_terraform, safeguards_of_bicep, safeguards_of_terraform
from tests.infra.derived import PROFILES, Deployment
from tests.infra.safeguards import Safeguards

PRIVATE = ("production", "exposed")
LANGUAGES = ("bicep", "terraform", "terraform with app registrations")

_IDENTITY_KINDS = {"terraform": "managed", "terraform with app registrations": "application"}

every_language = pytest.mark.parametrize("language", LANGUAGES)
every_profile = pytest.mark.parametrize("profile", PROFILES)
private_profile = pytest.mark.parametrize("profile", PRIVATE)


def deployment(language: str, profile: str) -> Deployment:
    """Who may do what."""
    if language == "bicep":
        return access_of_bicep.deployment(profile)
    return access_of_terraform.deployment(profile, _IDENTITY_KINDS[language])


def safeguards(language: str, profile: str) -> Safeguards:
    """What protects it."""
    if language == "bicep":
        return safeguards_of_bicep.safeguards(profile)
    return safeguards_of_terraform.safeguards(profile, _IDENTITY_KINDS[language])
