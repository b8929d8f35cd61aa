"""The pytest plugin: the fixtures of `localcloud[testing]`.

The cloud is imported when a test asks for one, so that other tests start fast.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from localcloud.testing.running_cloud import RunningCloud


@pytest.fixture(scope="session")
def start_cloud() -> Iterator[Callable[..., "RunningCloud"]]:
    """Return a function that starts a cloud from an access file and settings. The cloud runs until the session ends."""
    from localcloud.testing.running_cloud import running_cloud

    with ExitStack() as stack:
        yield lambda *arguments, **settings: stack.enter_context(running_cloud(*arguments, **settings))
