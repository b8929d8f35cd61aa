"""The local cloud under this application's access model, for the tests that call Azure's services for real."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from localcloud.testing import RunningCloud, reached_as_from_a_pod


@pytest.fixture(scope="session")
def started_cloud(start_cloud: Callable[..., RunningCloud]) -> RunningCloud:
    """The cloud, which all files of one process share."""
    return start_cloud(Path("infra/access.yaml"))


@pytest.fixture(scope="module")
def cloud(started_cloud: RunningCloud) -> Iterator[RunningCloud]:
    """The cloud, reached as from a pod: through its proxy, trusting its CA alone. Other files' environment stays."""
    with reached_as_from_a_pod(started_cloud):
        yield started_cloud
