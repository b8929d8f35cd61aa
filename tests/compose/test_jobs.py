"""The backend's image serves the operator's jobs too."""

import pytest

from tests.compose.docker import docker


@pytest.mark.parametrize("workload", ["redrive", "repair"])
def test_a_job_lists_what_there_is_with_an_identity_of_its_own(workload: str) -> None:
    """`docker compose run` runs a job with the job's own token, and ends with 0."""
    docker("compose", "run", "--rm", "--no-TTY", workload, workload, "list")
    trail = docker("compose", "exec", "--no-TTY", "localcloud", "cat", "/state/audit.jsonl")
    assert f'"workload": "{workload}"' in trail
