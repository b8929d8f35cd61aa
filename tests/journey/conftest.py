"""A local cloud with the application's keys, for the pages of the token's journey."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from localcloud.testing import RunningCloud, reached_as_from_a_pod

from tests.access.application import hand_over_keys


@pytest.fixture(scope="module")
def cloud(start_cloud: Callable[..., RunningCloud]) -> Iterator[RunningCloud]:
    """The cloud, reached as from a pod."""
    started = start_cloud(Path("infra/access.yaml"))
    with reached_as_from_a_pod(started):
        hand_over_keys(started)
        yield started
