"""docs/make-it-yours.md, followed in a copy of the checkout, in front of an application that runs there."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, shown
from tests.docs.steps import Apply, Run, Write, apply, steps
from tests.e2e.waiting import until

PAGE = ROOT / "docs/make-it-yours.md"
PORTS = {"PORT": "0", "LOCALCLOUD_AMQP_PORT": "0", "LOCALCLOUD_PROXY_PORT": "0"}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the checkout with tools of its own, and with the application running."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".tools").mkdir()
    (folder / ".tools/cache").symlink_to((ROOT / ".tools/cache").resolve())
    subprocess.run(["make", "tools"], cwd=folder, env=environment(), check=True, capture_output=True)
    with (folder / "run.log").open("w") as log:
        running = subprocess.Popen(["make", "run"], cwd=folder, env=environment(), stdout=log, stderr=log)
        until(lambda: (folder / "run.log").read_text(), lambda said: "The page" in said, 120)
        yield folder
        running.terminate()
        running.wait()


def environment() -> dict[str, str]:
    """A shell's, with any free ports, and without what pytest and its plugins set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV", "VIRTUAL_ENV"))}
    return kept | PORTS


@pytest.mark.parametrize(
    "section",
    ["Add a grant", "Add a secret", "Add a service", "Replace the orders by your own domain", "Before you commit"],
)
def test_the_steps_of_a_section_lead_where_it_says(checkout: Path, section: str) -> None:
    """Each edit fits its file, each command succeeds, and prints what stands below it."""
    for step in steps(PAGE, section):
        match step:
            case Apply(file, diff):
                apply(checkout / file, diff)
            case Write(file, text):
                (checkout / file).write_text(text)
            case Run(command, output):
                ran = subprocess.run(
                    ["bash", "-euo", "pipefail", "-c", command],
                    cwd=checkout,
                    env=environment(),
                    capture_output=True,
                    text=True,
                    timeout=300,
                )
                assert ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"
                assert output is None or shown(output, ran.stdout), f"{command}\n{ran.stdout}{ran.stderr}"
