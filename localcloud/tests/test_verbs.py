"""What the terminal that asks is told: what was done, or why it was not, there and not in the cloud's own terminal."""

import asyncio
import contextlib
import io
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.clusters import variant
from harness.programs import running
from localcloud.__main__ import main
from localcloud.authorization.audit import AccessEntry, Audit, ExchangeEntry
from localcloud.cluster.projection import Projections
from localcloud.operator.client import ControlError, connect
from localcloud.operator.control import ControlPlane
from localcloud.testing import RunningCloud

Ask = Callable[..., tuple[object, str]]
POD = "web-[a-z0-9]{10}"


@pytest.fixture(scope="module")
def blocker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """If this file exists, a new pod is not ready, with its text as the reason."""
    return tmp_path_factory.mktemp("blocker") / "blocker"


@pytest.fixture(scope="module")
def state(azurite: Path, blocker: Path) -> Iterator[Path]:
    """The state folder of a local cloud with one Deployment and one CronJob; its terminal is `terminal` beside it."""
    patch = [
        {
            "op": "add",
            "path": "/spec/template/spec/containers/0/env/-",
            "value": {"name": "BLOCKER", "value": str(blocker)},
        },
        {"op": "add", "path": "/spec/progressDeadlineSeconds", "value": 3},
        {"op": "replace", "path": "/spec/replicas", "value": 1},
    ]
    with tempfile.TemporaryDirectory(prefix="verbs-") as folder:
        overlay = variant(Path(folder, "overlay"), patch)
        with running(Path(folder, "state"), azurite, f"--overlay={overlay}", "--service-port=web=0") as process:
            yield Path(folder, "state")
            process.terminate()
            said, _ = process.communicate(timeout=30)
            assert "hello" not in said  # what a job prints is for whoever asked for it


@pytest.fixture
def ask(state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run a verb; return its exit code and what it printed."""

    def run(*arguments: str) -> tuple[object, str]:
        monkeypatch.setattr(sys, "argv", ["localcloud", *arguments, f"--state={state}"])
        try:
            code: object = main()
        except SystemExit as ending:
            code = ending.code
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


def await_ready(state: Path) -> None:
    """Return once the cloud answers and every pod is ready."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(ControlError), connect(state) as control:
            if all(pod["ready"] for pod in control.get("/status").json()["pods"]):
                return
        time.sleep(0.05)
    pytest.fail("the pods are not ready")


CASES: dict[str, tuple[list[str], int, str]] = {
    "restart": (["restart", "web"], 0, f"✓ web is restarted: {POD} in place of {POD}\n"),
    "restart of nothing": (["restart", "nothing"], 1, "localcloud: there is no deployment nothing\n"),
    "scale up": (["scale", "web", "2"], 0, "✓ web has 2 pods, 1 before\n"),
    "scale down": (["scale", "web", "1"], 0, "✓ web has 1 pod, 2 before\n"),
    "job": (["job", "greet"], 0, "hello world\n✓ the job greet is done\n"),
    "job that fails": (
        ["job", "greet", "4", "you"],
        4,
        "hello you\ngreet-[a-z0-9]{10}: .*greet ended with exit code 4.*\n"
        "✗ the job greet failed with exit code 4: the lines above say why\n",
    ),
    "job of nothing": (["job", "nothing"], 1, "localcloud: there is no cronjob nothing\n"),
    "issuer's key": (
        ["rotate-issuer-key"],
        0,
        "✓ the cluster's issuer has a new signing key .*\n  A pod has a new .*\n",
    ),
    "Entra's key": (["rotate-entra-key"], 0, "✓ Entra signs with a new key: .*\n"),
    "pod of nothing": (["kill", "nothing"], 1, "localcloud: there is no pod nothing\n"),
    "late roles": (["propagation", "600"], 0, "✓ a role that is given or taken counts after 600 seconds .*\n"),
    "roles at once": (["propagation", "0"], 0, "✓ a role that is given or taken counts at once, .*\n"),
    "identity bindings": (["federation", "bindings"], 0, "✓ the identities trust .* by identity bindings\n"),
    "federated credentials": (["federation", "credentials"], 0, "✓ the identities trust .* by federated credentials\n"),
    "secret that is not there": (["delete-secret", "alpha"], 1, "localcloud: there is no secret alpha\n"),
    "fault": (["fault", "cosmos", "slow"], 0, "✓ cosmos is slow until `localcloud fault cosmos none`\n"),
    "fault's end": (["fault", "cosmos", "none"], 0, "✓ cosmos works\n"),
    "fault of nothing": (["fault", "nothing", "slow"], 1, "localcloud: there is no service nothing: there are .*\n"),
    "clock": (["clock", "30"], 0, "✓ Azure's clock is 30 seconds ahead\n"),
    "clock again": (["clock", "0"], 0, "✓ Azure's clock is right\n"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_verb_says_what_it_did_or_why_it_did_not(state: Path, ask: Ask, case: tuple[list[str], int, str]) -> None:
    """In one or two plain lines; the exit code tells a script the same."""
    await_ready(state)
    arguments, code, said = case
    answered = ask(*arguments)
    assert answered[0] == code, answered
    assert re.fullmatch(said, answered[1]), answered


@pytest.mark.parametrize("arguments", [["restart", "web"], ["kill", "web-0"], ["job", "greet"], ["doctor"]])
def test_a_cloud_without_a_cluster_says_so(
    cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """What is about pods is refused in one sentence that names the option."""
    control = ControlPlane(cloud.cloud, None, Projections(cloud.cloud.issuer.issue_token, time.time), None, "")
    asyncio.run_coroutine_threadsafe(control.start(), cloud.loop).result(30)
    try:
        monkeypatch.setattr(sys, "argv", ["localcloud", *arguments, f"--state={cloud.cloud.settings.state}"])
        assert main() == 1
    finally:
        asyncio.run_coroutine_threadsafe(control.close(), cloud.loop).result(30)
    assert capsys.readouterr().err == "localcloud: this local cloud has no cluster: start it with --overlay\n"


def test_a_secret_is_deleted_recovered_and_erased(state: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each verb says what became of the secret."""
    await_ready(state)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"open sesame")))
    assert ask("secret", "beta")[0] == 0
    assert ask("delete-secret", "beta") == (0, "✓ the secret beta is deleted, and can be recovered\n")
    assert ask("recover-secret", "beta") == (0, "✓ the secret beta is recovered\n")
    ask("delete-secret", "beta")
    assert ask("purge-secret", "beta") == (0, "✓ the secret beta is erased for good\n")


def test_a_restart_that_fails_says_why_where_it_was_asked_for(state: Path, blocker: Path, ask: Ask) -> None:
    """The new pod's own reason, and that the old one stays."""
    await_ready(state)
    blocker.write_text("the vault refuses the key")
    try:
        code, said = ask("restart", "web")
    finally:
        blocker.unlink()
    assert code == 1
    assert re.match(f"localcloud: {POD} did not become ready, so {POD} stays: .*the vault refuses the key", said), said


def test_a_token_is_followed_at_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`access --uti` prints the exchange and each access once, with a count; a `uti` may begin with a hyphen."""
    audit = Audit(tmp_path / "audit.jsonl", lambda: 1_000_000.0)
    audit.exchange(
        ExchangeEntry(
            "client", "api", "api-0", "https://issuer/", "system:serviceaccount:shop:api", "vault", "ok", "-uti"
        )
    )
    for allowed, reason in ((True, None), (True, None), (False, "no grant")):
        audit.access(AccessEntry("principal", "api", "api-0", "-uti", "read", "keyVault/key", allowed, reason))
    audit.access(AccessEntry("principal", "api", "api-0", "another", "write", "keyVault/key", True))
    audit.close()

    def access(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["localcloud", "access", f"--state={tmp_path}", *arguments])
        main()
        return capsys.readouterr().out

    said = access("--uti=-uti").splitlines()
    assert said[0] == "The access token -uti"
    assert "api-0 presented the token of system:serviceaccount:shop:api, issued by https://issuer/" in said[1]
    assert "Entra issued it to the identity api (client id client) for vault" in said[2]
    assert re.search(r"keyVault/key: read allowed, 2 times", said[3])
    assert said[4].endswith("keyVault/key: read denied (no grant)")
    assert len(said) == 5
    assert "-uti" in access()
    with pytest.raises(SystemExit, match="has the uti nothing"):
        access("--uti=nothing")
    assert json.loads((tmp_path / "audit.jsonl").read_text().splitlines()[0])["uti"] == "-uti"
