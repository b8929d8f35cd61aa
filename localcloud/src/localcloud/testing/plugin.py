"""The pytest plugin: fixtures that every test finds as soon as `localcloud[testing]` is installed.

What starts a cloud is imported when a test asks for one, so that all other tests start fast.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from localcloud.testing.running_cloud import RunningCloud


@pytest.fixture(scope="session")
def start_cloud() -> Iterator[Callable[..., "RunningCloud"]]:
    """A function that takes an access model and settings and starts a cloud, which runs until the session ends."""
    from localcloud.testing.running_cloud import running_cloud

    with ExitStack() as stack:
        yield lambda *arguments, **settings: stack.enter_context(running_cloud(*arguments, **settings))
