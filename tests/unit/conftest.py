"""The local cloud under this application's access model, for the tests that call Azure's services for real."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from localcloud.testing import RunningCloud, reached_as_from_a_pod


@pytest.fixture(scope="module")
def cloud(start_cloud: Callable[..., RunningCloud]) -> Iterator[RunningCloud]:
    """The cloud, reached as from a pod: through its proxy, trusting its CA alone."""
    running = start_cloud(Path("infra/access.yaml"))
    with reached_as_from_a_pod(running):
        yield running
