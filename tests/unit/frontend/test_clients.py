"""The credential and the clients: each is made once, when it is first used, and closed at the end."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest
from azure.core.exceptions import AzureError

from frontend.identity.lazy_clients import LazyClients, once
from tests.unit.frontend.fakes import SETTINGS

VARIABLES = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE")


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of the workload identity webhook, with a token that Entra has not seen."""
    (tmp_path / "token").write_text("a.b.c")
    for name, value in zip(VARIABLES, ("client-1", "tenant-1", str(tmp_path / "token")), strict=True):
        monkeypatch.setenv(name, value)


class Maker:
    """Makes a thing, and waits a moment for another thread that makes one too."""

    def __init__(self) -> None:
        self._another = Barrier(2)

    @once
    def thing(self) -> object:
        with suppress(BrokenBarrierError):
            self._another.wait(0.2)
        return object()


def test_threads_share_what_is_made_once() -> None:
    """Threads that ask at the same time get the same thing."""
    maker = Maker()
    with ThreadPoolExecutor(8) as pool:
        assert len({id(thing) for thing in pool.map(lambda _: maker.thing(), range(8))}) == 1
    assert Maker().thing() is not maker.thing()


def test_a_client_that_could_not_be_made_is_made_later(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Without the webhook's variables a client raises `ValueError`. Once they are there, it is made."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    clients = LazyClients(SETTINGS)
    with pytest.raises(ValueError, match="Missing required arguments"):
        clients.secrets()
    request.getfixturevalue("pod")
    assert clients.secrets() is clients.secrets()
    clients.close()


@pytest.mark.usefixtures("pod")
def test_closed_clients_are_closed_for_good() -> None:
    """After `close`, a client of the SDK sends nothing."""
    clients = LazyClients(SETTINGS)
    secrets = clients.secrets()
    clients.close()
    with pytest.raises((AzureError, ValueError), match="closed"):
        secrets.get_secret("receipt-public-key")
