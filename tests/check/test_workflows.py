"""The pipeline's own files: schemas, actionlint with shellcheck, zizmor, yamllint, and what none of them asks for.

The programs are those of the dependency group `check`, which `make check` installs.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

PROGRAMS = Path(sys.executable).parent
WORKFLOWS = sorted(Path(".github/workflows").glob("*.yml"))
SCHEMAS = {
    "vendor.github-workflows": [str(path) for path in WORKFLOWS],
    "vendor.dependabot": [".github/dependabot.yml"],
    "vendor.compose-spec": ["localcloud/tests/conformance/emulators.compose.yaml"],
}
# A commit, and behind it the tag that Dependabot keeps in step with it.
PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a program of the group `check`, with its companions (shellcheck for actionlint) in its PATH."""
    path = PROGRAMS / program
    if not path.exists():
        pytest.fail(f"{program} is missing: `make check` brings it")
    environment = {"PATH": f"{PROGRAMS}:/usr/bin:/bin", "LANG": "C.UTF-8"}
    return subprocess.run([path, *arguments], capture_output=True, text=True, env=environment)


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def workflow(request: pytest.FixtureRequest) -> Path:
    return request.param  # type: ignore[no-any-return]


def jobs(workflow: Path) -> dict[str, Any]:
    return yaml.safe_load(workflow.read_text())["jobs"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_follow_their_schemas(schema: str) -> None:
    """Workflows, Dependabot's settings and the emulators' compose file have no key that their readers do not know."""
    checked = run("check-jsonschema", "--builtin-schema", schema, *SCHEMAS[schema])
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_actionlint_finds_nothing() -> None:
    """Expressions, contexts, runner names and (by shellcheck) shell steps."""
    checked = run("actionlint", "-color=false", *map(str, WORKFLOWS))
    assert checked.stdout + checked.stderr == ""


def test_shellcheck_finds_nothing() -> None:
    """In what runs where there is no GitHub: the same checks as actionlint makes of the workflows' steps."""
    checked = run("shellcheck", ".ci/run", ".ci/docker")
    assert checked.stdout + checked.stderr == ""


def test_zizmor_finds_nothing() -> None:
    """Not even what its strictest persona mentions: an exception is a comment on its line, with its reason."""
    checked = run("zizmor", "--offline", "--persona", "auditor", "--no-progress", ".github")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_yamllint_finds_nothing() -> None:
    """The rules that are off stand in `.yamllint.yaml`, each with its reason."""
    checked = run("yamllint", "--strict", ".github", *SCHEMAS["vendor.compose-spec"])
    assert checked.stdout + checked.stderr == ""


def test_end_to_end_tests_leave_nothing_out(workflow: Path) -> None:
    """Against a deployment they are told how to read its trail and its logs, or tests would be skipped."""
    for job in jobs(workflow).values():
        for step in job["steps"]:
            if "tests/e2e" in str(step.get("run", "")):
                assert step["env"].keys() == {"KEYLESS_URL", "KEYLESS_AUDIT", "KEYLESS_LOGS"}


def test_every_action_is_pinned(workflow: Path) -> None:
    """By its commit, with the version beside it: a tag can be moved, and a bare commit says nothing to a reader."""
    used = [line.strip().removeprefix("- ") for line in workflow.read_text().splitlines() if "uses:" in line]
    assert [line for line in used if not PINNED.search(line)] == []


def test_one_action_has_one_version() -> None:
    """All workflows use the same commit of an action."""
    uses = {found for path in WORKFLOWS for found in re.findall(r"uses: (\S+@\S+)", path.read_text())}
    assert len(uses) == len({each.split("@")[0] for each in uses})


def test_no_job_may_more_than_it_says(workflow: Path) -> None:
    """Nothing is permitted for all jobs; each job names what it needs, and none runs for ever."""
    assert yaml.safe_load(workflow.read_text())["permissions"] == {}
    for name, job in jobs(workflow).items():
        assert "permissions" in job, f"{name} does not say what it may do"
        assert job["timeout-minutes"] <= 60


def test_no_long_lived_secret(workflow: Path) -> None:
    """The job's own token and federated identities are all there is: no workflow reads a stored secret."""
    assert "secrets." not in workflow.read_text()


def test_checkouts_leave_no_token(workflow: Path) -> None:
    """No later step finds a token in the checkout's configuration."""
    for job in jobs(workflow).values():
        for step in job["steps"]:
            if str(step.get("uses", "")).startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
