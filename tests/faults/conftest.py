"""One running application for most faults: each test leaves it as it found it. And what `make faults` prints."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.application import Application
from tests.faults.case import Case
from tests.faults.ledger import Ledger
from tests.faults.table import pytest_report_teststatus, pytest_terminal_summary

__all__ = ["pytest_report_teststatus", "pytest_terminal_summary"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "counted: a case that counts orders")
    config.addinivalue_line("markers", "quick: a case of `make faults QUICK=1`")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "case" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.counted)
    items.sort(key=lambda item: item.get_closest_marker("long") is None)  # first, so that no worker is left with them


@pytest.fixture(scope="package")
def application() -> Iterator[Application]:
    """The application with one worker, as a laptop runs it."""
    yield from running()


@pytest.fixture(scope="module")  # so that a module may have an application of its own
def ledger(application: Application) -> Iterator[Ledger]:
    with Ledger.of(application) as ledger:
        yield ledger


@pytest.fixture
def case(application: Application, ledger: Ledger, record_property: Callable[[str, object], None]) -> Iterator[Case]:
    """After it all services work again, and no pod has a past that would delay its next start."""
    yield Case(application, ledger, record_property)
    application.heal()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """With a failure comes what the application said last."""
    report = yield
    case = getattr(item, "funcargs", {}).get("case")
    if report.failed and isinstance(case, Case):
        for place, text in {"terminal": case.application.terminal.read_text(), **case.application.logs()}.items():
            report.sections.append((f"the last words of {place}", "\n".join(text.splitlines()[-15:])))
    return report


def running(**options: Any) -> Iterator[Application]:
    """An application in a folder of its own, stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        one = Application(Path(folder), **options)
        try:
            one.start()
            yield one
        finally:
            one.stop()
