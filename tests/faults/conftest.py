"""One running application for all faults: each test leaves it running."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.application import Application


@pytest.fixture(scope="package")
def application() -> Iterator[Application]:
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        running = Application(Path(folder))
        try:
            running.start()
            yield running
        finally:
            running.stop()
