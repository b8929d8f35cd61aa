"""The README's own example, as a reader would follow it: another application's model and program."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text()


def block(language: str, containing: str) -> str:
    """The one code block of this language that contains the text."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    (found,) = [text for text in blocks if containing in text]
    return str(found)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A shell's environment, with the installed programs first and any free ports."""
    programs = str(Path(sys.executable).parent)
    return {
        "PATH": os.pathsep.join((programs, os.environ["PATH"])),
        "HOME": str(tmp_path),
        "LOCALCLOUD_PROXY_PORT": "0",
        "LOCALCLOUD_AMQP_PORT": "0",
        "LOCALCLOUD_DASHBOARD_PORT": "0",
    }


@pytest.fixture
def first_terminal(tmp_path: Path, environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """The command that starts the cloud; it has started."""
    (tmp_path / "access.yaml").write_text(block("yaml", "workloads:"))
    command = block("sh", "localcloud run")
    with subprocess.Popen(
        command.split(), cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        assert running.stdout is not None
        assert any("answered through" in line for line in running.stdout)
        yield running
        running.terminate()


@pytest.mark.usefixtures("first_terminal")
def test_the_example_runs_as_it_is_written(tmp_path: Path, environment: dict[str, str]) -> None:
    """The program prints the granted secret and the other one's refusal, as the page says."""
    (tmp_path / "app.py").write_text(block("python", "os.environ"))
    second_terminal = block("sh", "eval")
    waiting = "until localcloud status >/dev/null 2>&1; do sleep 0.1; done\n"
    ran = subprocess.run(
        ["sh", "-euc", waiting + second_terminal],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.endswith(block("text", "sesame"))


@pytest.mark.usefixtures("first_terminal")
def test_an_unknown_workload_is_answered_with_those_that_exist(tmp_path: Path, environment: dict[str, str]) -> None:
    """`localcloud env` names the workloads of the model in its one sentence."""
    waiting = "until localcloud status >/dev/null 2>&1; do sleep 0.1; done\n"
    ran = subprocess.run(
        ["sh", "-c", waiting + "localcloud env shop/nobody"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 1
    assert ran.stderr == "localcloud: the access model has no workload shop/nobody. It has: shop/api\n"


def test_the_examples_tests_pass_as_they_are_written(tmp_path: Path, environment: dict[str, str]) -> None:
    """With the model above, and the settings of pytest that the page names."""
    (tmp_path / "access.yaml").write_text(block("yaml", "workloads:"))
    (tmp_path / "pytest.ini").write_text(block("ini", "[pytest]"))
    (tmp_path / "test_api.py").write_text(block("python", "expects_denials"))
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout
    assert "2 passed" in ran.stdout
