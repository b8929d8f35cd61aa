"""`localcloud run` as a process, as a person starts it."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from harness import MODEL


def run(state: Path, azurite: Path, *arguments: str) -> "subprocess.Popen[str]":
    """`localcloud run` on free ports, with this state folder."""
    ports = ("--proxy-port", "0", "--amqp-port", "0")
    command = [sys.executable, "-m", "localcloud", "run", "--access", MODEL, "--state", state, "--azurite", azurite]
    return subprocess.Popen(
        [*command, *ports, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, umask=0o022
    )


@contextlib.contextmanager
def running(state: Path, azurite: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """The same, once it has said that it answers."""
    with run(state, azurite, *arguments) as process:
        try:
            assert process.stdout is not None
            assert "answered" in process.stdout.readline()
            yield process
        finally:
            process.kill()
