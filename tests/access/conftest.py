"""The application's Azure, for all tests of its access model.

`KEYLESS_FEDERATION=bindings` runs them with identity bindings: every token comes through the cluster's token proxy, by
the manifests' ClusterRoles.
"""

import os
from collections.abc import Callable, Iterator

import pytest
from localcloud.testing import RunningCloud, reached_as_from_a_pod

from tests.access import model
from tests.access.application import NAME, hand_over_keys
from tests.bindings import take_roles_of_manifests

FEDERATION = os.environ.get("KEYLESS_FEDERATION", "credentials")


@pytest.fixture(scope="package")
def application(start_cloud: Callable[..., RunningCloud]) -> Iterator[RunningCloud]:
    running = start_cloud(model.FILE, name=NAME, federation=FEDERATION)
    hand_over_keys(running)
    if FEDERATION == "bindings":
        take_roles_of_manifests(running)
    with reached_as_from_a_pod(running):
        yield running


@pytest.fixture
def cloud(application: RunningCloud) -> Iterator[RunningCloud]:
    """The same, for a test that changes the access model or expects denials: any other denial fails it."""
    with application.watched():
        yield application
