"""A lab as a learner runs it, at a terminal: in an application of its own, or in the one that runs."""

import hashlib
import os
import pty
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.lab.lab import load
from demo.stack import ROOT, Stack


class Person:
    """Sits at a pseudo-terminal, reads what is printed, and presses Enter."""

    def __init__(self, *command: str) -> None:
        self.read = ""
        self._mine, theirs = pty.openpty()
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        os.set_blocking(self._mine, False)

    def __enter__(self) -> "Person":
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(90)

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


def run_lab(name: str, state: Path) -> Person:
    return Person(sys.executable, "-m", "demo.lab", name, "--state", str(state))


FOLDERS = ("k8s", "infra", "labs")


@pytest.mark.counted
@pytest.mark.quick
def test_a_lab_lets_the_learner_guess_and_leaves_the_checkout_alone(tmp_path: Path) -> None:
    """The prediction comes after the guess, the change after the prediction, and it is mended when Enter is pressed."""
    before = [fingerprint(ROOT / folder) for folder in FOLDERS]
    lab = load("annotation-missing")
    with run_lab("annotation-missing", tmp_path) as person:
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
    assert [fingerprint(ROOT / folder) for folder in FOLDERS] == before


@pytest.fixture
def served() -> Iterator[Stack]:
    """An application that runs, as `make run` starts it, below a short path: a socket's address is one."""
    with tempfile.TemporaryDirectory(prefix="run-") as folder:
        ports = ["--proxy-port=0", "--amqp-port=0", "--service-port=frontend=0", "--dashboard-port=0"]
        with (
            Path(folder, "terminal").open("w") as terminal,
            Stack(Path(folder, "state"), ports, terminal=terminal) as run,
        ):
            run.start()
            yield run


def pods_of(stack: Stack) -> dict[str, str]:
    """The workload of each pod, by the pod's name."""
    with stack.control() as control:
        return {pod["name"]: pod["workload"] for pod in control.get("/status").json()["pods"]}


def await_pods(stack: Stack, good: Callable[[dict[str, str]], bool]) -> dict[str, str]:
    deadline = time.monotonic() + 60
    while not good(pods := pods_of(stack)):
        assert time.monotonic() < deadline, pods
        time.sleep(0.1)
    return pods


@pytest.mark.counted
def test_a_lab_breaks_the_application_that_runs_and_restarts_nothing_else(served: Stack) -> None:
    """Its change is made in copies that the running application follows until the lab ends: only the broken workload
    gets a new pod, the checkout stays as it is, and afterwards a second lab can begin."""
    before, files = pods_of(served), [fingerprint(ROOT / folder) for folder in FOLDERS]
    with run_lab("client-id-unknown", served.state) as person:
        person.until("Guess, then press Enter")
        assert "the lab is in the running application" in person.read
        assert pods_of(served) == before
        with run_lab("label-missing", served.state) as second:
            second.until("another rehearsal is going on")
            assert second.process.wait(90) == 1
        person.press_enter()
        person.until("Press Enter to break it")
        person.press_enter()
        person.until("Press Enter to mend it")
        assert "not as predicted" not in person.read
        during = pods_of(served)
        assert before.items() <= during.items()
        assert [during[name] for name in during.keys() - before.keys()] == ["frontend"]
        person.press_enter()
        person.until("well again after")
        assert person.process.wait(90) == 0
    assert pods_of(served) == before
    assert [fingerprint(ROOT / folder) for folder in FOLDERS] == files
    terminal = (served.state.parent / "terminal").read_text()
    assert terminal.index("a rehearsal begins") < terminal.index("AADSTS700016") < terminal.index("has ended")
    with run_lab("label-unquoted", served.state) as person:
        person.until("Guess, then press Enter")


@pytest.mark.counted
def test_a_lab_that_is_killed_leaves_the_application_as_it_was(served: Stack) -> None:
    """The running application notices that the lab's process is gone, and follows its own files again."""
    before = pods_of(served)
    with run_lab("label-missing", served.state) as person:
        person.until("Guess, then press Enter")
        person.press_enter()
        person.until("Press Enter to break it")
        person.press_enter()
        await_pods(served, lambda pods: len(pods) > len(before))
        person.process.kill()
    assert await_pods(served, lambda pods: len(pods) == len(before)) == before
    terminal = (served.state.parent / "terminal").read_text()
    assert "the rehearsal has ended" in terminal
