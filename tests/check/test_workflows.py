"""What no linter asks of the pipeline's files. `make check` runs the linters: actionlint, zizmor, yamllint."""

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

WORKFLOWS = sorted(Path(".github/workflows").glob("*.yml"))
# A commit, then the tag that Dependabot keeps in step with it.
PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def workflow(request: pytest.FixtureRequest) -> Path:
    return request.param  # type: ignore[no-any-return]


def jobs(workflow: Path) -> dict[str, Any]:
    return yaml.safe_load(workflow.read_text())["jobs"]  # type: ignore[no-any-return]


def test_end_to_end_tests_leave_nothing_out(workflow: Path) -> None:
    """A job that tests a deployment says how to read its trail and its logs; without these, tests would be skipped."""
    for job in jobs(workflow).values():
        for step in job["steps"]:
            if "tests/e2e" in str(step.get("run", "")):
                assert step["env"].keys() == {"KEYLESS_URL", "KEYLESS_AUDIT", "KEYLESS_LOGS"}


def test_every_action_is_pinned(workflow: Path) -> None:
    """Each action is named by its commit, since a tag can be moved, with the version beside it for a reader."""
    used = [line.strip().removeprefix("- ") for line in workflow.read_text().splitlines() if "uses:" in line]
    assert [line for line in used if not PINNED.search(line)] == []


def test_one_action_has_one_version() -> None:
    """All workflows use the same commit of an action."""
    uses = {found for path in WORKFLOWS for found in re.findall(r"uses: (\S+@\S+)", path.read_text())}
    assert len(uses) == len({each.split("@")[0] for each in uses})


def test_no_job_may_more_than_it_says(workflow: Path) -> None:
    """No permission is for all jobs; each job names those that it needs, and has a time limit."""
    assert yaml.safe_load(workflow.read_text())["permissions"] == {}
    for name, job in jobs(workflow).items():
        assert "permissions" in job, f"{name} does not say what it may do"
        assert job["timeout-minutes"] <= 60


def test_no_long_lived_secret(workflow: Path) -> None:
    """No workflow reads a stored secret: a job uses its own token and federated identities."""
    assert "secrets." not in workflow.read_text()


def test_checkouts_leave_no_token(workflow: Path) -> None:
    """No later step finds a token in the checkout's configuration."""
    for job in jobs(workflow).values():
        for step in job["steps"]:
            if str(step.get("uses", "")).startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_a_release_has_one_file_for_any_cluster(tmp_path: Path) -> None:
    """The step renders the overlay `kind` with the real kustomize; every image in it is this release's public one."""
    steps = jobs(Path(".github/workflows/release.yml"))["release"]["steps"]
    [script] = [step["run"] for step in steps if "kubectl kustomize" in str(step.get("run", ""))]
    shutil.copytree("k8s", tmp_path / "k8s")
    environment = {
        "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]]),
        "GITHUB_REPOSITORY": "Owner/Keyless",
        "GITHUB_REF_NAME": "v1.2.3",
    }
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, env=environment, check=True)
    rendered = (tmp_path / "keyless.yaml").read_text()
    images = set(re.findall(r"image: (\S+)", rendered))
    assert images == {f"ghcr.io/owner/keyless/{name}:1.2.3" for name in ("frontend", "backend", "localcloud")}
    assert "kind: Deployment" in rendered
