"""A lab as a learner runs it, at a terminal."""

import hashlib
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo.lab.lab import load
from demo.stack import ROOT


class Person:
    """Sits at a pseudo-terminal, reads what is printed, and presses Enter."""

    def __init__(self, *command: str) -> None:
        self.read = ""
        self._mine, theirs = pty.openpty()
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        os.set_blocking(self._mine, False)

    def until(self, text: str, timeout: float = 120) -> None:
        """Reads on until the text has been printed."""
        deadline = time.monotonic() + timeout
        while text not in self.read:
            assert time.monotonic() < deadline, self.read
            try:
                self.read += os.read(self._mine, 65536).decode()
            except BlockingIOError:
                time.sleep(0.05)
            except OSError:  # it has ended
                assert text in self.read, self.read
                return

    def press_enter(self) -> None:
        os.write(self._mine, b"\n")


def fingerprint(folder: Path) -> str:
    """Of every file's path and content."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return hashlib.sha256(b"".join(str(path).encode() + path.read_bytes() for path in files)).hexdigest()


@pytest.mark.counted
@pytest.mark.quick
def test_a_lab_lets_the_learner_guess_and_leaves_the_checkout_alone() -> None:
    """The prediction comes after the guess, the change after the prediction, and it is mended when Enter is pressed."""
    before = [fingerprint(ROOT / folder) for folder in ("k8s", "infra", "labs")]
    person = Person(sys.executable, "-m", "demo.lab", "annotation-missing")
    lab = load("annotation-missing")
    person.until("Guess, then press Enter")
    assert "remove /metadata/annotations/azure.workload.identity/client-id" in person.read
    assert "The prediction" not in person.read
    person.press_enter()
    person.until("Press Enter to break it")
    assert lab.prediction.split(",")[0] in " ".join(person.read.split())
    assert "What happened" not in person.read
    person.press_enter()
    person.until("Press Enter to mend it")
    for words in ("/readyz", "the link that is broken is the annotation", lab.fix.file, "kubectl annotate", "Why:"):
        assert words in person.read
    assert "not as predicted" not in person.read
    assert "well again" not in person.read
    person.press_enter()
    person.until("well again after")
    assert person.process.wait(90) == 0
    assert [fingerprint(ROOT / folder) for folder in ("k8s", "infra", "labs")] == before
