"""The keys from Key Vault: which verify, which signs, and that a rotation ends no session."""

import time

import pytest
from azure.core.exceptions import HttpResponseError

from frontend.web.signing_keys import KeyVersion, SigningKeys, in_signing_order
from tests.unit.frontend.fakes import ORDER, FakeAzure, FakeVault


@pytest.mark.parametrize(
    ("published", "settled_before", "expected"),
    [
        ([1], 0, "1"),  # the only one signs at once
        ([1, 5], 4, "1"),  # a new one waits until every replica has read it
        ([1, 5], 5, "5"),  # then it signs
        ([5, 1], 9, "5"),  # in any order
        ([7, 8], 0, "7"),  # none is settled: the oldest, which replicas are the likeliest to know
    ],
)
def test_which_version_signs(published: list[float], settled_before: float, expected: str) -> None:
    """The newest version that every replica has had time to read signs. All versions verify."""
    keys = in_signing_order([KeyVersion(f"{at:g}", at) for at in published], settled_before)
    assert keys[-1] == expected
    assert sorted(keys) == sorted(f"{at:g}" for at in published)


class Replica:
    """A `SigningKeys` at a time of the test's choosing."""

    def __init__(self, vault: FakeVault) -> None:
        self.now = 1_000.0
        self.keys = SigningKeys(lambda: vault, 60, lambda _keys: None, lambda: self.now)  # type: ignore[arg-type, return-value]

    def at(self, now: float) -> list[str]:
        self.now = now
        self.keys.refresh()
        return self.keys.current()


def test_a_new_version_verifies_before_it_signs() -> None:
    """A new version verifies at once, and signs two intervals later."""
    vault = FakeVault()
    vault.add("frontend-signing-key", "old", published=0)
    vault.add("frontend-signing-key", "new", published=1_000)
    replica = Replica(vault)
    assert replica.at(1_001) == ["new", "old"]
    assert replica.at(1_120) == ["old", "new"]


def test_a_disabled_version_neither_signs_nor_verifies() -> None:
    """Disabling a version is how it is revoked."""
    vault = FakeVault()
    vault.add("frontend-signing-key", "old", published=0)
    vault.add("frontend-signing-key", "leaked", published=1, enabled=False)
    assert Replica(vault).at(1_000) == ["old"]


def test_a_value_is_read_once() -> None:
    """A refresh lists the versions, and reads only the values it does not know."""
    vault = FakeVault()
    vault.add("frontend-signing-key", "old", published=0)
    replica = Replica(vault)
    for now in (1_000, 1_060, 1_120):
        replica.at(now)
    assert vault.reads == ["frontend-signing-key"]


def test_an_outage_of_key_vault_changes_nothing() -> None:
    """If Key Vault does not answer, the keys that were read stay in use."""
    vault = FakeVault()
    vault.add("frontend-signing-key", "old", published=0)
    replica = Replica(vault)
    before = replica.at(1_000)
    vault.failure = HttpResponseError("away")
    replica.now = 1_100
    assert replica.keys.refresh_after_bad_signature() is False
    assert replica.keys.current() == before


def test_bad_signatures_cannot_make_it_ask_key_vault_over_and_over() -> None:
    """Made-up references cause one question to Key Vault in five seconds at most."""
    vault = FakeVault()
    vault.add("frontend-signing-key", "old", published=0)
    replica = Replica(vault)
    replica.at(1_000)
    vault.failure = AssertionError("asked again")
    replica.now = 1_004
    assert replica.keys.refresh_after_bad_signature() is False


def test_a_rotation_ends_no_session() -> None:
    """A session, a form and a reference made under the old key work under the new one."""
    azure = FakeAzure()
    azure.vault.versions.clear()
    azure.vault.add("frontend-signing-key", "old", published=0)
    app = azure.app()
    client = app.test_client()
    placed = client.post("/orders", json=ORDER)
    azure.vault.add("frontend-signing-key", "new", published=1)
    app.extensions["frontend"].keys.refresh()
    assert app.secret_key == "new"
    assert client.get(placed.headers["Location"]).status_code == 202
    assert [order["orderId"] for order in client.get("/orders").json["orders"]] == [placed.json["orderId"]]


def test_another_replicas_newer_key_is_fetched_when_it_is_met() -> None:
    """A session and a reference that another replica signed with a newer key are verified after one refresh."""
    azure = FakeAzure()
    azure.vault.versions.clear()
    azure.vault.add("frontend-signing-key", "old", published=0)
    behind = azure.app()
    azure.vault.add("frontend-signing-key", "new", published=1)
    ahead = azure.app().test_client()
    placed = ahead.post("/orders", json=ORDER)
    behind.extensions["frontend"].keys._asked_at = time.time() - 60  # it last asked a while ago
    client = behind.test_client()
    cookie = ahead.get_cookie("keyless")
    assert cookie is not None
    client.set_cookie("keyless", cookie.value)
    assert len(client.get("/orders").json["orders"]) == 1
    assert client.get(placed.headers["Location"]).status_code == 202
