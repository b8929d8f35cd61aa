"""How the tests are spread over processes: a file's tests stay together, and so do those that share one application."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

ONE_APPLICATION = "tests/e2e/"


class ByFile(LoadScopeScheduling):
    """Hands out whole files, and the end-to-end tests as one: they share a running application."""

    def _split_scope(self, nodeid: str) -> str:
        return ONE_APPLICATION if nodeid.startswith(ONE_APPLICATION) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)
