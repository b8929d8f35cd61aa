"""What only the local vault can show: a restart, the end of the retention, 501 versions."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.secrets import SecretClient
from harness.clusters import Clock
from localcloud.cluster.projection import Projections
from localcloud.keyvault.backup import Backups, NotABackup
from localcloud.keyvault.state import NameIsDeleted, SecretStore
from localcloud.operator.control import ControlPlane

DAY = 24 * 3600


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SecretStore]:
    store = SecretStore(tmp_path / "keyvault.sqlite", clock)
    yield store
    store.close()


def test_secrets_outlive_a_restart(tmp_path: Path) -> None:
    """A store opened again has every version, in the order in which they were put, and what is deleted stays so."""
    store = SecretStore(tmp_path / "keyvault.sqlite", lambda: 1000.0)
    versions = [store.put("name", str(n), {"n": str(n)}) for n in range(3)]
    store.put("gone", "v")
    store.delete("gone")
    store.close()

    again = SecretStore(tmp_path / "keyvault.sqlite", lambda: 2000.0)

    latest = again.get("name")
    assert latest is not None
    assert (latest.version, latest.value, latest.tags, latest.created) == (versions[2], "2", {"n": "2"}, 1000)
    assert (again.names(), again.deleted_names()) == (["name"], ["gone"])
    again.close()


def test_a_deleted_secret_is_purged_at_the_end_of_its_retention(store: SecretStore, clock: Clock) -> None:
    """Ninety days after its deletion it is gone, and its name begins anew."""
    store.put("name", "1")
    deleted = store.delete("name")
    assert deleted is not None
    assert deleted.scheduled_purge - deleted.deleted == 90 * DAY
    clock.now += 90 * DAY - 10
    with pytest.raises(NameIsDeleted):
        store.put("name", "2")
    clock.now += 20
    assert store.deleted_names() == []
    store.put("Name", "2")
    assert store.names() == ["Name"]
    assert len(store.in_order("name")) == 1


def test_a_backup_is_read_by_its_own_vault_alone(store: SecretStore, tmp_path: Path) -> None:
    """Another vault has another key; the same vault reads it after a restart, and the value stands nowhere in it."""
    store.put("name", "open sesame")
    backup = Backups(tmp_path / "key").make(store.in_order("name"))
    assert Backups(tmp_path / "key").read(backup) == store.in_order("name")
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    with pytest.raises(NotABackup):
        Backups(tmp_path / "another key").read(backup)


async def test_the_operator_is_told_that_a_name_is_deleted(cloud: Any) -> None:
    """`localcloud secret` hands nothing over to a deleted secret, and says what to do first."""
    control = ControlPlane(cloud.cloud, None, Projections(cloud.cloud.issuer.issue_token, time.time), None, "")
    cloud.cloud.secrets.put("operators", "1")
    cloud.cloud.secrets.delete("operators")
    await control.start()
    try:
        transport = httpx.AsyncHTTPTransport(uds=str(cloud.cloud.settings.state / "control.sock"))
        async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
            refused = await client.put("/secrets/operators", json={"value": "2"})
            cloud.cloud.secrets.recover("operators")
            taken = await client.put("/secrets/operators", json={"value": "2"})
    finally:
        await control.close()
    assert (refused.status_code, taken.status_code) == (409, 200)
    assert "the secret operators is deleted. Recover or purge it first" in refused.json()["error"]


def test_a_secret_of_more_than_500_versions_is_not_backed_up(cloud: Any, credential: Callable[[str], Any]) -> None:
    """https://learn.microsoft.com/azure/key-vault/general/service-limits names 500, and says that more is an error."""
    for number in range(500):
        cloud.cloud.secrets.put("many", str(number))
    with SecretClient(cloud.vault_url, credential("administrator"), retry_total=0) as client:
        assert client.backup_secret("many")
        cloud.cloud.secrets.put("many", "one more")
        with pytest.raises(HttpResponseError, match="more than 500 versions"):
            client.backup_secret("many")
