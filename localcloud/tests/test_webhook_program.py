"""`localcloud webhook` without a cluster; with one it is tested in the application's `tests/cluster`."""

import json
import subprocess
import sys
from pathlib import Path


def test_a_cluster_that_cannot_be_reached_ends_it_with_a_sentence(tmp_path: Path) -> None:
    """The exit code is 1, and kubectl's own words say why; no traceback."""
    kubeconfig = tmp_path / "kubeconfig"
    cluster = {"name": "it", "cluster": {"server": "https://127.0.0.1:1"}}
    context = {"name": "it", "context": {"cluster": "it", "user": "it"}}
    user = {"name": "it", "user": {"token": "made-up"}}
    config = {"clusters": [cluster], "users": [user], "contexts": [context], "current-context": "it"}
    kubeconfig.write_text(json.dumps(config))
    command = [sys.executable, "-m", "localcloud", "webhook", f"--kubeconfig={kubeconfig}", f"--state={tmp_path}"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr.startswith("localcloud: kubectl: ")
    assert "127.0.0.1:1" in ended.stderr
    assert "Traceback" not in ended.stderr
