"""The pytest plugin: the fixtures of `localcloud[testing]`.

The cloud is imported when a test asks for one, so that other tests start fast.
"""

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from localcloud.testing.in_process import RunningCloud


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("localcloud_access", "the access model of the fixture `cloud`", default="access.yaml")
    parser.addini("localcloud_name", "the name of its vault and accounts", default="localcloud")


@pytest.fixture(scope="session")
def start_cloud() -> Iterator[Callable[..., "RunningCloud"]]:
    """Return a function that starts a cloud from an access file and settings. The cloud runs until the session ends."""
    from localcloud.testing.in_process import running_cloud

    with ExitStack() as stack:
        yield lambda *arguments, **settings: stack.enter_context(running_cloud(*arguments, **settings))


@pytest.fixture(scope="session")
def localcloud_running(pytestconfig: pytest.Config, start_cloud: Callable[..., "RunningCloud"]) -> "RunningCloud":
    """The cloud that all tests with the fixture `cloud` share. Set its secrets once, in a fixture that asks for it."""
    access = Path(pytestconfig.getini("localcloud_access"))
    return start_cloud(pytestconfig.rootpath / access, name=pytestconfig.getini("localcloud_name"))


@pytest.fixture
def cloud(localcloud_running: "RunningCloud") -> Iterator["RunningCloud"]:
    """The shared cloud, reached as a pod reaches Azure, with the access file's own model in force.

    A test that is denied anything outside `cloud.expects_denials()` fails.
    """
    from localcloud.testing.in_process import reached_as_from_a_pod

    with reached_as_from_a_pod(localcloud_running), localcloud_running.watched():
        yield localcloud_running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test whose cloud denied what the test does not expect; say so beside another failure too."""
    try:
        result = yield
    except Exception as failure:
        for cloud in _clouds_of(item):
            try:
                cloud.check()
            except AssertionError as denial:
                failure.add_note(str(denial))
        raise
    for cloud in _clouds_of(item):
        cloud.check()
    return result


def _clouds_of(item: pytest.Item) -> list["RunningCloud"]:
    """The clouds among the fixtures that the test asks for by name."""
    module = sys.modules.get("localcloud.testing.in_process")
    if module is None:
        return []
    arguments: dict[str, Any] = getattr(item, "funcargs", {})
    return [value for value in arguments.values() if isinstance(value, module.RunningCloud) and value.is_watched]
