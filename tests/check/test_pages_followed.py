"""The README, troubleshooting and make-it-yours, followed in a copy of the checkout in which the application runs.

The tests are in the order of a reader: the later pages change what the earlier ones describe.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, commands_with_output, shown
from tests.docs.steps import Apply, Run, Write, apply, steps
from tests.e2e.waiting import until

README = commands_with_output(ROOT / "README.md")
TROUBLESHOOTING = (ROOT / "docs/troubleshooting.md").read_text()
YOURS = ROOT / "docs/make-it-yours.md"
PORTS = dict.fromkeys(("PORT", *(f"LOCALCLOUD_{name}_PORT" for name in ("AMQP", "DASHBOARD", "PROXY"))), "0")
"""Any free ones, since the reader's may be taken here."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the checkout with tools of its own. `make run` runs in it, and writes into `run.log`."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".tools").mkdir()
    (folder / ".tools/cache").symlink_to((ROOT / ".tools/cache").resolve())
    follow(folder, "make tools")
    with (folder / "run.log").open("w") as log:
        running = subprocess.Popen(["make", "run"], cwd=folder, env=environment(), stdout=log, stderr=log)
    try:
        until(lambda: (folder / "run.log").read_text(), lambda said: "Stop with" in said.partition("The page ")[2], 240)
        yield folder
    finally:
        running.terminate()
        running.wait()


def environment() -> dict[str, str]:
    """A shell's, with any free ports, and without what pytest and its plugins set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV", "VIRTUAL_ENV"))}
    return kept | PORTS


def follow(checkout: Path, command: str) -> str:
    """Run the command in the checkout, as a reader pastes it; return what it prints."""
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=checkout,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def masked(text: str) -> str:
    """Return the text without what differs from one run to the next: numbers, ids, signatures, columns' widths."""
    for pattern, mask in (
        (r"eyJ[\w-]+", "JWS"),
        (r"\b[0-9a-f]{8}\b", "ID"),
        (r"-[a-z0-9]{10}\b", "-POD"),
        (r"\d+(\.\d+)?", "N"),
        (r" {2,}", "  "),
    ):
        text = re.sub(pattern, mask, text)
    return text


def left_out(expected: str, printed: str) -> list[str]:
    """Return the page's lines that are not printed, or not in this order. `…` stands for any text.

    A slow machine also says which pod it waits for, so that further lines between them do not count.
    """
    lines = iter(masked(printed).splitlines())
    return [line for line in masked(expected).splitlines() if line and not any(shown(line, given) for given in lines)]


def test_make_run_prints_what_the_readme_shows(checkout: Path) -> None:
    """Up to the addresses, which are the end of the start."""
    ((command, expected), *_) = README
    printed = (checkout / "run.log").read_text()
    assert command == "make run\n"
    assert expected is not None
    assert left_out(expected, printed) == [], printed


@pytest.mark.parametrize(("command", "expected"), README[1:])
def test_the_readmes_other_commands_print_what_stands_below_them(
    checkout: Path, command: str, expected: str | None
) -> None:
    """They succeed beside the application that runs."""
    printed = follow(checkout, command)
    assert left_out(expected or "", printed) == [], printed


COMMANDS = sorted(
    {
        command
        for look, mend in re.findall(r"^\| look \| (.*?) \|.*\n\| mend \| (.*?) \|", TROUBLESHOOTING, re.MULTILINE)
        for command in re.findall(r"`((?:make|\.venv/bin/)[^`<]*)`", f"{look} {mend}")
        if command != "make run"  # it runs
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_laptops_column_runs(checkout: Path, command: str) -> None:
    """What troubleshooting says to do on a laptop can be done on one."""
    follow(checkout, command)


@pytest.mark.parametrize("section", re.findall(r"^## (.*)$", YOURS.read_text(), re.MULTILINE))
def test_the_steps_of_a_section_lead_where_it_says(checkout: Path, section: str) -> None:
    """Each edit fits its file, each command succeeds, and prints what stands below it."""
    for step in steps(YOURS, section):
        match step:
            case Apply(file, diff):
                apply(checkout / file, diff)
            case Write(file, text):
                (checkout / file).write_text(text)
            case Run(command, output):
                printed = follow(checkout, command)
                assert output is None or shown(output, printed), f"{command}\n{printed}"
