"""Nothing here opens an account by a key: the official emulators' harness, which has no other way, is the one place."""

import re
from pathlib import Path

FOLDERS = (
    "workload",
    "contract",
    "frontend",
    "backend",
    "localcloud",
    "demo",
    "infra",
    "k8s",
    "tools",
    "tests",
    ".github",
    ".ci",
)
# The words of a connection string, its constructor, and a storage or Cosmos DB account's key: 64 bytes in base64. npm's
# digests have the same length.
KEYS = re.compile(rb"AccountKey|SharedAccessKey|from_connection_string|(?<!sha512-)\b[A-Za-z0-9+/]{86}==")


def test_keys_stand_in_the_emulators_harness_alone() -> None:
    """No service, manifest, template, workflow or other test has one."""
    files = [Path("docker-compose.yml"), *(path for folder in FOLDERS for path in Path(folder).rglob("*"))]
    read = {path: path.read_bytes() for path in files if path.is_file() and path.suffix != ".pyc"}
    assert {path.as_posix() for path, content in read.items() if KEYS.search(content)} == {
        "localcloud/tests/conformance/targets/emulators.py",
        "tests/unit/test_no_keys.py",
    }
