"""How the tests are spread over processes: a file's tests stay together, and so do those that share one application.

With `--no-loadscope-reorder` the files come as they are collected, this project's first: they take longest.
`--dist worksteal` spreads case by case instead, for suites whose cases take longer than a start of the application.

The tests reach this machine only, so they use no proxy, even if downloads need one.
"""

import os

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

THIS_MACHINE = "127.0.0.1,localhost"
ONE_APPLICATION = "tests/e2e/"


class ByFile(LoadScopeScheduling):
    """Hands out whole files, and the end-to-end tests as one: they share a running application."""

    def _split_scope(self, nodeid: str) -> str:
        return ONE_APPLICATION if nodeid.startswith(ONE_APPLICATION) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile | None:
    return None if config.getoption("dist") == "worksteal" else ByFile(config, log)


def pytest_configure() -> None:
    os.environ["LOCALCLOUD_DASHBOARD_PORT"] = "0"  # many local clouds run at once
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), THIS_MACHINE)))
