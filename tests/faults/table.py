"""What `make faults` prints: a line for each case as it ends, and a table of all at the end. Hooks of pytest."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

COLUMNS = ("injected", "accepted", "receipted", "dead_lettered", "lost", "duplicated", "recovery")
HEADINGS = ("fault", "injected", "accepted", "receipted", "dead-lettered", "lost", "duplicated", "recovered in")
PROMISED = 10.0  # seconds for a recovery; longer ones are marked
_MARKS = {"passed": "✓", "failed": "✗", "skipped": "–"}


def pytest_report_teststatus(report: object, config: pytest.Config) -> tuple[str, str, str] | None:
    """In the place of pytest's dot: one line for a case that has ended."""
    if not isinstance(report, pytest.TestReport):
        return None
    if config.getoption("verbose") >= 0 or (report.when != "call" and report.passed):
        return None
    numbers = dict(report.user_properties)
    said = [f"{numbers[name]} {name}" for name in ("accepted", "receipted") if name in numbers]
    said += [f"{numbers[name]} {name}" for name in ("dead_lettered", "lost", "duplicated") if numbers.get(name)]
    if "recovery" in numbers:
        said.append(f"recovered in {numbers['recovery']} s")
    line = f"{_MARKS[report.outcome]} {report.duration:5.1f} s  {name_of(report.nodeid)}"
    return report.outcome, (f"{line}  ({', '.join(said)})" if said else line) + "\n", report.outcome.upper()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the closing table if orders were counted, then the other cases."""
    reports = [
        report
        for outcome in _MARKS
        for report in terminalreporter.stats.get(outcome, [])
        if isinstance(report, pytest.TestReport) and (report.when == "call" or not report.passed)
    ]
    counted = [report for report in reports if "accepted" in dict(report.user_properties)]
    if config.getoption("verbose") >= 0 or not counted:
        return
    terminalreporter.section("what was lost: nothing, if every line has two zeros")
    for line in columns([HEADINGS, *(_row(report) for report in sorted(counted, key=lambda report: report.nodeid))]):
        terminalreporter.write_line(line)
    others = Counter((_file(report), report.outcome) for report in reports if report not in counted)
    terminalreporter.section("what else was tried")
    for file in sorted({file for file, _ in others}):
        held, not_held = others[file, "passed"], others[file, "failed"]
        terminalreporter.write_line(f"{file:<60} {held:4} held" + (f", {not_held} did not" if not_held else ""))


def name_of(nodeid: str) -> str:
    """A case's name: the test's, with what it was tried with."""
    return nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ")


def columns(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """The rows, each column as wide as its widest text; numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        texts = [text.ljust(width) for text, width in zip(row[:2], widths, strict=False)]
        numbers = [text.rjust(width) for text, width in zip(row[2:], widths[2:], strict=True)]
        yield "  ".join([*texts, *numbers]).rstrip()


def _row(report: pytest.TestReport) -> list[str]:
    numbers = dict(report.user_properties)
    recovery = numbers.get("recovery")
    if recovery is not None:
        numbers["recovery"] = f"{recovery} s" + (" !" if float(str(recovery)) > PROMISED else "")
    mark = "" if report.passed else " ✗"
    return [name_of(report.nodeid) + mark, *(str(numbers.get(column, "")) for column in COLUMNS)]


def _file(report: pytest.TestReport) -> str:
    return report.nodeid.partition("::")[0]
