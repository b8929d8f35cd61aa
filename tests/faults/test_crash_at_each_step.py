"""A process ends between two of its steps: a build of the application that kills itself there, once."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.waiting import until
from tests.faults.application import Application
from tests.faults.builds import Edit, build
from tests.faults.case import Case
from tests.faults.conftest import running

DELIVERY, HANDLER = "backend/src/backend/queue/delivery.py", "backend/src/backend/orders/handler.py"
ORDERS = "frontend/src/frontend/orders/placing.py"
CRASH = '__import__("crash").at("{step}")'

WORKER = {
    "received": Edit(DELIVERY, "                return await self._handle_order(", "                {}\n{}"),
    "read the document": Edit(HANDLER, "        if document is None:\n            signed", "        {}\n{}"),
    "signed": Edit(HANDLER, "            receipt = read_receipt(", "            {}\n{}"),
    "added the receipt": Edit(HANDLER, "            if receipt is None or not _same_order", "            {}\n{}"),
    "created the document": Edit(HANDLER, "        if document.digest != ", "        {}\n{}"),
    "about to settle": Edit(DELIVERY, "            case Receipted(document):\n", "{1}                {0}\n"),
    "settled": Edit(DELIVERY, '                    _log.info("order.receipted"', "                    {}\n{}"),
}
FRONTEND = {
    "about to send": Edit(ORDERS, '    with calling("Service Bus"):\n        parts().sender', "    {}\n{}"),
    "sent": Edit(ORDERS, '    _log.info("order.accepted"', "    {}\n{}"),
}


def crashing(step: str, edit: Edit) -> Edit:
    """The edit with its line, and the line that ends the process, put into its pattern."""
    return Edit(edit.file, edit.old, edit.new.format(CRASH.format(step=step), edit.old))


@pytest.fixture(scope="module")
def crash_at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that names the step."""
    return tmp_path_factory.mktemp("crash") / "step"


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory, crash_at: Path) -> Iterator[Application]:
    """An application of its own, whose services end themselves at the step that the file names."""
    edits = [crashing(step, edit) for step, edit in (WORKER | FRONTEND).items()]
    path = os.pathsep.join([build(tmp_path_factory.mktemp("build"), *edits), str(Path(__file__).parent / "crashing")])
    yield from running(environment={"PYTHONPATH": path, "CRASH_AT": str(crash_at)})


QUICK = {"added the receipt", "created the document", "sent"}


def steps(all_of_them: Iterable[str]) -> list[Any]:
    """The steps, some of which are tried by the subset too."""
    return [pytest.param(step, marks=[pytest.mark.quick] if step in QUICK else []) for step in all_of_them]


@pytest.mark.parametrize("step", steps(WORKER))
def test_a_worker_that_crashes_at_a_step_loses_nothing(case: Case, crash_at: Path, step: str) -> None:
    """Each order is receipted once, by the worker's next process, at whichever step the worker ended."""
    crashes(case, crash_at, step)


@pytest.mark.parametrize("step", steps(FRONTEND))
def test_a_frontend_that_crashes_at_a_step_loses_nothing(case: Case, crash_at: Path, step: str) -> None:
    """A customer without an answer places the order again under its key: it is there once."""
    crashes(case, crash_at, step)


def crashes(case: Case, crash_at: Path, step: str) -> None:
    case.injected("SIGKILL to itself")
    with case.customers() as customers:
        customers.place_more(5)
        crash_at.write_text(step)
        until(crash_at.exists, lambda there: not there)
        case.recovers()
        customers.place_more(5)
    case.settle()
