"""The audit trail stays small, and tells whose token a request came with, also after a restart."""

import asyncio
import io
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from azure.identity import WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient
from harness import MODEL
from harness.clusters import Clock
from localcloud.authorization.audit import AccessEntry, Audit, ExchangeEntry, entries, read
from localcloud.authorization.tokens import CLOCK_SKEW, LIFETIME
from localcloud.authorization.trail import FILE_BYTES, MOST_BYTES
from localcloud.operator.summary import access_table
from localcloud.testing import RunningCloud
from rich.console import Console

SCOPE = "https://vault.azure.net/.default"


def exchange(pod: str, uti: str) -> ExchangeEntry:
    return ExchangeEntry(
        "client", "reader", pod, "https://issuer/", "system:serviceaccount:test:reader", "r", "ok", uti
    )


LONG = "\N{GRINNING FACE}" * 500  # what a caller makes up, as long as it is kept; each letter takes 12 bytes


def access(number: int) -> AccessEntry:
    """One of many, of some 24 KB."""
    return AccessEntry(f"number {number}", LONG, LONG, "uti", LONG, "blob/files", allowed=False, reason=LONG)


def total(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def fill(audit: Audit, folder: Path) -> int:
    """Writes half as much again as the trail may hold; returns the number of accesses written."""
    number = int(1.5 * MOST_BYTES / 24_000)
    for each in range(number):
        audit.access(access(each))
        assert each % 50 or total(folder) <= MOST_BYTES
    return number


def test_the_trail_stays_below_its_bound(tmp_path: Path) -> None:
    """However much is written, and at any moment, the files are below the bound and hold the latest without a gap."""
    audit = Audit(tmp_path / "audit.jsonl")
    written = fill(audit, tmp_path)
    audit.close()
    left = [entry["principal"] for entry in entries(tmp_path / "audit.jsonl")]
    assert left == [f"number {number}" for number in range(written - len(left), written)]
    assert total(tmp_path) > MOST_BYTES / 2


def test_pods_are_known_after_a_restart_for_as_long_as_their_tokens_live(tmp_path: Path) -> None:
    """Their exchanges may have been removed meanwhile; a token that has expired for good is forgotten."""
    clock = Clock()
    audit = Audit(tmp_path / "audit.jsonl", clock)
    audit.exchange(exchange("expired-0", "expired"))
    clock.now += LIFETIME + CLOCK_SKEW - 10
    audit.exchange(exchange("alive-0", "alive"))
    fill(audit, tmp_path)
    assert [line for line in read(tmp_path / "audit.jsonl") if line["kind"] == "exchange"] == []
    audit.close()
    again = Audit(tmp_path / "audit.jsonl", clock)
    assert (again.pod_of("alive"), again.pod_of("expired")) == ("alive-0", "expired-0")
    clock.now += 10
    again.exchange(exchange("new-0", "new"))
    assert (again.pod_of("alive"), again.pod_of("expired"), again.pod_of("new")) == ("alive-0", None, "new-0")
    again.close()


def test_a_flood_of_exchanges_makes_nothing_grow(tmp_path: Path) -> None:
    """A caller that asks for tokens in a loop fills neither disk nor memory: the oldest tokens' pods are forgotten."""
    audit = Audit(tmp_path / "audit.jsonl")
    for number in range(12_000):
        audit.exchange(exchange(f"pod-{number}", f"uti-{number}"))
    fill(audit, tmp_path)
    audit.close()
    again = Audit(tmp_path / "audit.jsonl")
    assert [again.pod_of(f"uti-{number}") for number in (0, 1_999, 2_000, 11_999)] == [
        None,
        None,
        "pod-2000",
        "pod-11999",
    ]
    again.close()


def test_what_a_caller_makes_up_is_cut(tmp_path: Path) -> None:
    """A scope of a megabyte takes as much room in the trail as one of 500 letters."""
    audit = Audit(tmp_path / "audit.jsonl")
    audit.exchange(
        ExchangeEntry("c" * 10**6, None, None, None, None, None, "AADSTS70011", None, "\N{GRINNING FACE}" * 10**6)
    )
    audit.close()
    (line,) = read(tmp_path / "audit.jsonl")
    assert line["client_id"] == f"{'c' * 500}…"
    assert total(tmp_path) < 10_000


def test_a_trail_of_another_size_is_brought_below_the_bound(tmp_path: Path) -> None:
    """What an earlier version wrote without a bound is read once for its tokens, and put away at the next line."""
    trail = tmp_path / "audit.jsonl"
    line = f'{{"time": {time.time()}, "kind": "exchange", "uti": "alive", "pod": "alive-0"}}\n'
    trail.write_text(line + f'{{"kind": "access", "more": "{"x" * 1000}"}}\n' * (2 * MOST_BYTES // 1000))
    audit = Audit(trail)
    audit.access(access(0))
    assert total(tmp_path) <= MOST_BYTES
    audit.close()
    again = Audit(trail)
    assert again.pod_of("alive") == "alive-0"
    again.close()


def test_the_table_counts_what_all_files_hold(tmp_path: Path) -> None:
    """`localcloud access` shows the accesses of the older files too."""
    trail, audit, entry = tmp_path / "audit.jsonl", Audit(tmp_path / "audit.jsonl"), access(0)
    for _ in range(int(1.5 * FILE_BYTES / 24_000)):
        audit.access(entry)
    audit.close()
    assert len(list(tmp_path.iterdir())) == 2
    shown = io.StringIO()
    access_table(trail, Console(file=shown, width=20_000))
    assert f" {len(read(trail))} " in shown.getvalue()


class Token:
    """A credential that has one access token and asks for no other."""

    def __init__(self, token: AccessToken) -> None:
        self._token = token

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return self._token


def test_a_token_from_before_a_restart_is_its_pods(
    start_cloud: Callable[..., RunningCloud], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK goes on with the token that it has, and the trail names its pod, whatever has been written meanwhile."""

    def reach(running: RunningCloud) -> None:
        running.cloud.secrets.put("alpha", "value", {}, None)
        monkeypatch.setenv("HTTPS_PROXY", running.cloud.proxy_url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", running.ca_bundle)

    first = start_cloud(MODEL)
    reach(first)
    with WorkloadIdentityCredential(enable_azure_proxy=True, **first.workload_identity("reader")) as credential:
        token = credential.get_token(SCOPE)
    state = first.cloud.settings.state
    for number in range(MOST_BYTES // 24_000):
        first.cloud.audit.access(access(number))
    asyncio.run_coroutine_threadsafe(first.cloud.close(), first.loop).result(60)
    second = start_cloud(MODEL, state=state)
    reach(second)
    with SecretClient(second.vault_url, Token(token)) as client:
        assert client.get_secret("alpha").value == "value"
    assert read(state / "audit.jsonl")[-1]["pod"] == "reader-0"
