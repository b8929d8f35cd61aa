"""Chooses what the conformance tests run against: `CONFORMANCE` is `localcloud`, `emulators` or `azure`."""

import os

import pytest

from tests.localcloud.conformance.targets import Target
from tests.localcloud.conformance.targets.azure import Azure
from tests.localcloud.conformance.targets.emulators import Emulators
from tests.localcloud.conformance.targets.localcloud import LocalCloud


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    """The services under test; the local cloud is started only where it is the one."""
    match os.environ.get("CONFORMANCE", "localcloud"):
        case "localcloud":
            return LocalCloud(request.getfixturevalue)
        case "emulators":
            return Emulators()
        case "azure":
            return Azure()
        case other:
            pytest.exit(f"CONFORMANCE is localcloud, emulators or azure, not {other}", 2)
