"""The application's Azure, for all tests of its access model."""

from collections.abc import Callable, Iterator

import pytest
from localcloud.testing import RunningCloud, reached_as_from_a_pod

from tests.access import model
from tests.access.application import NAME, hand_over_keys


@pytest.fixture(scope="package")
def application(start_cloud: Callable[..., RunningCloud]) -> Iterator[RunningCloud]:
    running = start_cloud(model.FILE, name=NAME)
    hand_over_keys(running)
    with reached_as_from_a_pod(running):
        yield running


@pytest.fixture
def cloud(application: RunningCloud) -> Iterator[RunningCloud]:
    """The same, for a test that changes the access model or expects denials: any other denial fails it."""
    with application.watched():
        yield application
