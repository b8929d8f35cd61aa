"""Projected tokens for workloads elsewhere: where they lie, whose they are, and that they stay fresh."""

import asyncio
import contextlib
import stat
from pathlib import Path

import pytest
from joserfc import jwt
from localcloud.authorization.issuer import Issuer
from localcloud.authorization.keys import load_or_create
from localcloud.cluster.projection import Projection, Projections
from localcloud.cluster.waiting import holds_within
from localcloud.cluster.webhook import AUDIENCE


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_projection_reads_as_it_is_written() -> None:
    """`NAMESPACE/SERVICEACCOUNT=FOLDER` is taken apart as it says."""
    assert Projection.parse("shop/web=/tokens/a=b") == Projection("shop", "web", Path("/tokens/a=b"))


@pytest.mark.parametrize("text", ["", "shop/web", "web=/tokens", "/web=/tokens", "shop/=/tokens"])
def test_what_is_no_projection_is_refused(text: str) -> None:
    """Anything that lacks a part is a `ValueError` that says what it should be."""
    with pytest.raises(ValueError, match="NAMESPACE/SERVICEACCOUNT=FOLDER"):
        Projection.parse(text)


async def test_each_folder_has_its_own_service_accounts_token_and_it_stays_fresh(tmp_path: Path) -> None:
    """A token is there at once, for its owner alone, and another takes its place at 80% of its life."""
    clock = Clock()
    issuer = Issuer("https://issuer.example/", tmp_path / "key.pem", clock)
    folders = {name: tmp_path / name for name in ("web", "worker")}
    projections = Projections(issuer.issue_token, clock)
    files = {name: projections.add(Projection("shop", name, folder)) for name, folder in folders.items()}
    assert files == {name: folder / "token" / "azure-identity-token" for name, folder in folders.items()}
    first = {name: file.read_text() for name, file in files.items()}
    for name, file in files.items():
        claims = jwt.decode(first[name], load_or_create(tmp_path / "key.pem"), algorithms=["RS256"]).claims
        assert claims["sub"] == f"system:serviceaccount:shop:{name}"
        assert claims["aud"] == [AUDIENCE]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    keeping = asyncio.create_task(projections.keep_fresh())
    clock.now += 0.8 * 3600
    assert await holds_within(5, lambda: all(file.read_text() != first[name] for name, file in files.items()))
    keeping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await keeping


async def test_a_token_that_cannot_be_written_is_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """While the disk takes nothing the old token stays, and it is renewed once there is room."""
    clock = Clock()
    issuer = Issuer("https://issuer.example/", tmp_path / "key.pem", clock)
    folder = tmp_path / "frontend"
    projections = Projections(issuer.issue_token, clock)
    projections.add(Projection("shop", "web", folder))
    token = folder / "token" / "azure-identity-token"
    first = token.read_text()
    in_the_way = token.with_name(f".{token.name}.new")
    (in_the_way / "what").mkdir(parents=True)  # where the next token would be written first

    keeping = asyncio.create_task(projections.keep_fresh())
    clock.now += 0.8 * 3600
    assert await holds_within(5, lambda: "can't be renewed at the moment" in caplog.text)
    assert token.read_text() == first
    (in_the_way / "what").rmdir()
    in_the_way.rmdir()
    assert await holds_within(10, lambda: token.read_text() != first)
    keeping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await keeping


def test_a_projections_audience_may_change_and_change_back(tmp_path: Path) -> None:
    """A token for another audience takes the file over at once, each time that one is asked for."""
    issuer = Issuer("https://issuer.example/", tmp_path / "key.pem", Clock())
    projections = Projections(issuer.issue_token, Clock())
    for audience in (AUDIENCE, "api://AKSIdentityBinding", AUDIENCE):
        token = projections.add(Projection("shop", "web", tmp_path / "web"), audience).read_text()
        assert jwt.decode(token, load_or_create(tmp_path / "key.pem"), algorithms=["RS256"]).claims["aud"] == [audience]
