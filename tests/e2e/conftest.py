"""The end-to-end tests run against the application on this machine, or against the one at `KEYLESS_URL`.

`KEYLESS_URL` is the frontend's base URL. `KEYLESS_AUDIT`, if there is a trail to be read, is the command that prints
the local cloud's `audit.jsonl`, such as `docker compose exec -T localcloud cat /state/audit.jsonl`; on Azure the trail
is in Log Analytics, and the tests that need it are skipped. `KEYLESS_LOGS` is the command that prints what a workload's
pods have logged, with `{workload}` for its name: `docker compose logs --no-log-prefix {workload}`.
`KEYLESS_FEDERATION=bindings` starts the application on this machine with identity bindings.
"""

import json
import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.stack import Stack, federated


@dataclass(frozen=True)
class Deployment:
    """A running application; `audit` and `logging` are the commands that print its trail and its logs, None without.

    `state` is the local cloud's folder, `None` if none was started for the tests.
    """

    url: str
    audit: str | None
    logging: str | None
    state: Path | None = None

    def trail(self) -> list[dict[str, Any]]:
        if self.audit is None:
            pytest.skip("this deployment's audit trail can't be read from here: set KEYLESS_AUDIT")
        return _printed(self.audit)

    def logs(self, workload: str) -> list[dict[str, Any]]:
        """The lines that the workload's pods have logged."""
        if self.logging is None:
            pytest.skip("this deployment's logs can't be read from here: set KEYLESS_LOGS")
        return _printed(self.logging.replace("{workload}", workload))


@pytest.fixture(scope="session")
def stack() -> Iterator[Deployment]:
    """The application to test: the given one, or one that is started for the tests and stopped after them."""
    if url := os.environ.get("KEYLESS_URL"):
        yield Deployment(url.rstrip("/"), os.environ.get("KEYLESS_AUDIT"), os.environ.get("KEYLESS_LOGS"))
        return
    with tempfile.TemporaryDirectory(prefix="keyless-e2e-") as folder:
        ports = ["--proxy-port", "0", "--amqp-port", "0", "--service-port", "frontend=0"]
        federation, overlay = federated(os.environ.get("KEYLESS_FEDERATION", "credentials"))
        with Stack(Path(folder), [*ports, *federation], overlay) as local:
            logging = f"find {folder}/logs -name '{{workload}}-*.log' -exec cat {{}} +"
            yield Deployment(local.start(), f"cat {folder}/audit.jsonl", logging, Path(folder))


@pytest.fixture
def customer(stack: Deployment) -> Iterator[httpx.Client]:
    """A customer with cookies, who reads JSON."""
    with httpx.Client(
        base_url=stack.url, headers={"Accept": "application/json"}, timeout=15, trust_env=False
    ) as client:
        yield client


def _printed(command: str) -> list[dict[str, Any]]:
    """The JSON lines that the command prints."""
    run = subprocess.run(shlex.split(command), check=True, capture_output=True, text=True)
    return [json.loads(line) for line in run.stdout.splitlines()]
