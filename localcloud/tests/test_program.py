"""The program at a terminal: what it says instead of a traceback, and what it leaves to whom."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import MODEL
from harness.programs import run, running
from localcloud.__main__ import main
from localcloud.authorization import audit
from localcloud.cloud import Cloud
from localcloud.settings import Settings
from localcloud.state_folder import StateFolderError


@pytest.fixture(scope="module")
def kept() -> Iterator[Path]:
    """What a cloud keeps from its first moment on, below a short path: a socket's address is one."""
    with tempfile.TemporaryDirectory(prefix="kept-") as folder:
        Cloud(Settings(access=MODEL, state=Path(folder, "state")), report=lambda _line: None)
        yield Path(folder, "state")


def test_a_state_folder_is_one_clouds_and_its_owners(kept: Path, azurite: Path) -> None:
    """In a folder that others may enter, no file is theirs to read; a second cloud on it is refused in one sentence;
    and the first ends in order when its terminal is closed."""
    state = kept.parent / "with spaces, ünïcode"
    state.mkdir(mode=0o755)
    with running(state, azurite) as first:
        with run(state, azurite) as second:
            said, _ = second.communicate(timeout=30)
        assert (second.returncode, said.count("\n")) == (1, 1)
        assert f"{state} is in use" in said
        assert [path for path in state.rglob("*") if path.stat().st_mode & 0o077] == []
        first.send_signal(signal.SIGHUP)
        said, _ = first.communicate(timeout=30)
    assert (first.returncode, "nothing is left running" in said) == (0, True)
    assert not (state / "control.sock").exists()


@pytest.mark.parametrize(
    "name",
    ["entra-key.pem", "issuer-key.pem", "tls/ca.pem", "keyvault.sqlite", "cosmos.sqlite", "servicebus.sqlite"],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, kept: Path, name: str) -> None:
    """A damaged file, or one that another version wrote, is named together with what to do."""
    state = shutil.copytree(kept, tmp_path / "state", ignore=shutil.ignore_patterns("*-wal", "*-shm"))
    (state / name).write_text("This is not what it should be.")
    with pytest.raises(StateFolderError, match=f"{state / Path(name).parts[0]} can't be used: .*remove {state}"):
        Cloud(Settings(access=MODEL, state=state), report=lambda _line: None)


def test_a_torn_line_costs_no_other(tmp_path: Path) -> None:
    """A trail whose last line a power cut tore in two is read and continued: only that line is lost."""
    trail = tmp_path / "audit.jsonl"
    entry = audit.AccessEntry("p", "w", None, None, "read", "blob/files", True)
    for torn in ("", '{"time": 1, "ki'):
        trail.write_text(trail.read_text() + torn if torn else "")
        log = audit.Audit(trail)
        log.access(entry)
        log.close()
    assert [(line["principal"], line["allowed"]) for line in audit.read(trail)] == [("p", True)] * 2


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["status"], {}, "no local cloud answers at"),
        (["job", "redrive"], {}, "no local cloud answers at"),
        (["access"], {}, "there is no trail at"),
        (["secret", "name", "--tag", "nothing"], {}, "not KEY=VALUE: nothing"),
        (["run"], {"LOCALCLOUD_ISSUERS": "https://issuer"}, 'error parsing value for field "issuers"'),
        (["run"], {"LOCALCLOUD_AMQP_PORT": "amqp"}, "amqp_port: Input should be a valid integer"),
        (["run", "--access", "nowhere.yaml"], {}, "the access model nowhere.yaml can't be read"),
        (["run", "--state", "/" + "x" * 120], {}, "too long for a socket"),
    ],
    ids=["status", "job", "access", "tag", "issuers", "port", "model", "path"],
)
def test_a_mistake_is_answered_with_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    environment: dict[str, str],
    sentence: str,
) -> None:
    """Whatever is misspelt, missing or not running: no traceback, one sentence, and a failure for the caller."""
    monkeypatch.setattr(sys, "argv", ["localcloud", *arguments])
    for name, value in {"LOCALCLOUD_STATE": str(tmp_path / "none"), **environment}.items():
        monkeypatch.setenv(name, value)
    mask = os.umask(0o022)
    try:
        code: object = main()
    except SystemExit as ending:
        code = ending.code
    finally:
        os.umask(mask)
    assert code not in (0, None)
    assert sentence in f"{capsys.readouterr().err}{code}"


def test_a_duration_that_is_none_is_named(tmp_path: Path) -> None:
    """A queue's duration that Azure would not take is refused with its place in the access model."""
    model = tmp_path / "access.yaml"
    model.write_text(MODEL.read_text().replace("lockDuration: PT5S", "lockDuration: 5 seconds"))
    settings = Settings(access=model, state=tmp_path / "state")
    with pytest.raises(Exception, match=r"entities.serviceBus.jobs.lockDuration: .*'5 seconds'"):
        Cloud(settings, report=lambda _line: None)
