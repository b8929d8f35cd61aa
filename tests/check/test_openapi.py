"""The running application is what its OpenAPI document says: tried by schemathesis, with good requests and bad ones."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from demo.stack import Stack

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The application on this machine."""
    with tempfile.TemporaryDirectory(prefix="openapi-") as folder:
        ports = ["--proxy-port=0", "--amqp-port=0", "--service-port=frontend=0"]
        with Stack(Path(folder), ports) as stack:
            yield stack.start()


def test_the_application_keeps_to_its_document(url: str, tmp_path: Path) -> None:
    """No error of its own, no answer that the document does not name, and no order that it does not allow."""
    with httpx.Client(base_url=url, trust_env=False) as customer:
        page = customer.get("/orders", headers={"Accept": "text/html"}).text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token is not None
        environment = {"SESSION": customer.cookies["keyless"], "CSRF_TOKEN": token[1], "NO_PROXY": "*"}
    schemathesis = Path(sys.executable).parent / "schemathesis"
    run = subprocess.run(
        [schemathesis, f"--config-file={HERE / 'schemathesis.toml'}", "--no-color", "run", f"{url}/openapi.json"],
        env={**os.environ, **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Tested: 4" in run.stdout
