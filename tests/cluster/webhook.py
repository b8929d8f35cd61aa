"""The workload-identity webhook as a program of its own, registered on the API server."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from localcloud.cluster.registration import CONFIGURATION

from tests.cluster.api_server import ApiServer


@contextlib.contextmanager
def serving(api: ApiServer, state: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Run `localcloud webhook` until the block ends. Whatever becomes of it, nothing stays registered."""
    command = [sys.executable, "-m", "localcloud", "webhook", f"--kubeconfig={api.kubeconfig}", f"--state={state}"]
    with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout is not None
            said = program.stdout.readline()  # the first line comes when it is registered
            assert "is registered" in said, f"the webhook is not registered: {said}"
            yield program
        finally:
            program.send_signal(signal.SIGTERM)
            program.wait(30)
            api.kubectl("delete", "--ignore-not-found", "mutatingwebhookconfiguration", CONFIGURATION)
