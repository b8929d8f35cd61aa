"""What the end-to-end tests run against: the application on this machine, or wherever `KEYLESS_URL` says it is.

`KEYLESS_URL` is the frontend's base URL. `KEYLESS_AUDIT`, if there is a trail to be read, is the local cloud's
`audit.jsonl`; on Azure the trail is in Log Analytics, and the tests that need the file are skipped.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.stack import Stack
from localcloud import audit


@dataclass(frozen=True)
class Deployment:
    """A running application; `audit_file` is None where the trail is elsewhere."""

    url: str
    audit_file: Path | None

    def trail(self) -> list[dict[str, Any]]:
        if self.audit_file is None:
            pytest.skip("the audit trail of this deployment is not a file: set KEYLESS_AUDIT")
        return audit.read(self.audit_file)


@pytest.fixture(scope="session")
def stack() -> Iterator[Deployment]:
    """The application to test: the given one, or one that is started for the tests and stopped after them."""
    if url := os.environ.get("KEYLESS_URL"):
        trail = os.environ.get("KEYLESS_AUDIT")
        yield Deployment(url.rstrip("/"), Path(trail) if trail else None)
        return
    with tempfile.TemporaryDirectory(prefix="keyless-e2e-") as folder:
        ports = ["--proxy-port", "0", "--amqp-port", "0", "--service-port", "frontend=0"]
        with Stack(Path(folder), ports) as local:
            yield Deployment(local.start(), Path(folder) / "audit.jsonl")


@pytest.fixture
def customer(stack: Deployment) -> Iterator[httpx.Client]:
    """A customer with cookies, who reads JSON."""
    with httpx.Client(
        base_url=stack.url, headers={"Accept": "application/json"}, timeout=15, trust_env=False
    ) as client:
        yield client
