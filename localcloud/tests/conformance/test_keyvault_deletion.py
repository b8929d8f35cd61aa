"""Key Vault's deletion by operation: delete, list and get deleted, recover, purge, and backup with restore.

https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview
"""

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.keyvault.secrets import SecretClient
from conformance.targets import Target


@pytest.fixture(scope="module")
def client(target: Target) -> Iterator[SecretClient]:
    with target.vault(retry_total=0) as client:
        yield client


@pytest.fixture
def name() -> str:
    """A secret that no other test has, nor an earlier run."""
    return f"conformance-{uuid.uuid4().hex}"


def delete(client: SecretClient, name: str) -> None:
    """Delete the secret, and wait until the vault shows it among its deleted ones."""
    client.begin_delete_secret(name).wait()


def test_delete_secret(client: SecretClient, name: str) -> None:
    """The answer says what was deleted, when, until when it can be recovered, and where."""
    made = client.set_secret(name, "v", tags={"a": "1"})
    deleted = client.begin_delete_secret(name).result()
    assert (deleted.id, deleted.properties.tags) == (made.id, {"a": "1"})
    assert deleted.recovery_id == f"{client.vault_url}/deletedsecrets/{name}"
    assert deleted.deleted_date
    assert deleted.scheduled_purge_date
    retention = deleted.scheduled_purge_date - deleted.deleted_date
    assert timedelta(days=7) <= retention <= timedelta(days=90)


def test_a_deleted_secret_is_not_found(client: SecretClient, name: str) -> None:
    """No operation on secrets finds it any more: it is neither given, listed, updated, backed up nor deleted again."""
    made = client.set_secret(name, "v")
    delete(client, name)
    for operation in (
        lambda: client.get_secret(name),
        lambda: client.get_secret(name, made.properties.version),
        lambda: client.update_secret_properties(name, enabled=False),
        lambda: client.backup_secret(name),
        lambda: client.begin_delete_secret(name),
    ):
        with pytest.raises(ResourceNotFoundError, match="SecretNotFound"):
            operation()
    assert list(client.list_properties_of_secret_versions(name)) == []
    assert name not in [p.name for p in client.list_properties_of_secrets()]


def test_a_deleted_secrets_name_cannot_be_used(client: SecretClient, name: str) -> None:
    """Until it is recovered or purged the name is a 409 with `ObjectIsDeletedButRecoverable`, in any letters."""
    client.set_secret(name, "v")
    delete(client, name)
    for spelling in (name, name.upper()):
        with pytest.raises(ResourceExistsError, match="deleted but recoverable state") as refused:
            client.set_secret(spelling, "again")
        error = refused.value.error
        assert (refused.value.status_code, error.code) == (409, "Conflict")
        assert error.innererror["code"] == "ObjectIsDeletedButRecoverable"


def test_get_deleted_secrets(client: SecretClient) -> None:
    """The deleted secrets are listed page by page, each once, without those that are not deleted."""
    prefix = f"conformance-{uuid.uuid4().hex}"
    for suffix in "abcd":
        client.set_secret(f"{prefix}-{suffix}", "v")
    for suffix in "abc":
        delete(client, f"{prefix}-{suffix}")
    pages = [[secret.name for secret in page] for page in client.list_deleted_secrets(max_page_size=2).by_page()]
    assert max(len(page) for page in pages) <= 2
    assert sorted(n for page in pages for n in page if n and n.startswith(prefix)) == [f"{prefix}-{s}" for s in "abc"]


def test_get_deleted_secret(client: SecretClient, name: str) -> None:
    """It is found among the deleted alone, and its value is not given."""
    client.set_secret(name, "v")
    with pytest.raises(ResourceNotFoundError, match="SecretNotFound"):
        client.get_deleted_secret(name)
    delete(client, name)
    deleted = client.get_deleted_secret(name)
    assert deleted.name == name
    assert not hasattr(deleted, "value")


def test_recover_deleted_secret(client: SecretClient, name: str) -> None:
    """Every version is there again, with its value and its properties, and the name can be used."""
    first = client.set_secret(name, "1", tags={"a": "1"})
    client.set_secret(name, "2")
    delete(client, name)
    recovered = client.begin_recover_deleted_secret(name).result()
    assert recovered.name == name
    assert client.get_secret(name).value == "2"
    assert client.get_secret(name, first.properties.version).properties.tags == {"a": "1"}
    client.set_secret(name, "3")
    with pytest.raises(ResourceNotFoundError, match="SecretNotFound"):
        client.get_deleted_secret(name)


def test_purge_deleted_secret(client: SecretClient, name: str) -> None:
    """A purged secret is gone for good: it cannot be recovered, and its name begins anew."""
    client.set_secret(name, "1")
    delete(client, name)
    client.purge_deleted_secret(name)
    for operation in (
        lambda: client.get_deleted_secret(name),
        lambda: client.begin_recover_deleted_secret(name),
        lambda: client.purge_deleted_secret(name),
    ):
        with pytest.raises(ResourceNotFoundError, match="SecretNotFound"):
            operation()
    client.set_secret(name, "2")
    assert len(list(client.list_properties_of_secret_versions(name))) == 1


def test_a_secret_that_is_not_deleted_is_neither_recovered_nor_purged(client: SecretClient, name: str) -> None:
    """Both are 404, and the secret stays."""
    client.set_secret(name, "v")
    for operation in (
        lambda: client.begin_recover_deleted_secret(name),
        lambda: client.purge_deleted_secret(name),
    ):
        with pytest.raises(ResourceNotFoundError, match="SecretNotFound"):
            operation()
    assert client.get_secret(name).value == "v"


def test_backup_and_restore_secret(client: SecretClient, name: str) -> None:
    """A backup brings back every version under its own id, with its value, its properties and its times."""
    first = client.set_secret(name, "1", tags={"a": "1"}, content_type="text/plain", enabled=True)
    second = client.set_secret(name, "2", enabled=False)
    backup = client.backup_secret(name)
    assert b"text/plain" not in backup
    delete(client, name)
    client.purge_deleted_secret(name)

    restored = client.restore_secret_backup(backup)

    assert (restored.id, restored.enabled) == (second.id, False)
    found = client.get_secret(name, first.properties.version)
    assert (found.value, found.properties.tags, found.properties.content_type) == ("1", {"a": "1"}, "text/plain")
    assert found.properties.created_on == first.properties.created_on
    client.update_secret_properties(name, second.properties.version, enabled=True)
    assert client.get_secret(name).value == "2"


def test_a_backup_replaces_nothing(client: SecretClient, name: str) -> None:
    """Restoring is a conflict while there is a secret of the name, and while there is a deleted one."""
    client.set_secret(name, "1")
    backup = client.backup_secret(name)
    client.set_secret(name, "2")
    with pytest.raises(ResourceExistsError, match="Conflict"):
        client.restore_secret_backup(backup)
    delete(client, name)
    with pytest.raises(ResourceExistsError, match="deleted but recoverable"):
        client.restore_secret_backup(backup)
    client.begin_recover_deleted_secret(name).wait()
    assert client.get_secret(name).value == "2"


@pytest.mark.parametrize("change", ["cut", "flipped", "made up", "empty"])
def test_what_is_no_backup_is_a_bad_parameter(client: SecretClient, name: str, change: str) -> None:
    """A backup that was changed or made up by hand restores nothing."""
    client.set_secret(name, "v")
    backup = client.backup_secret(name)
    flipped = backup[:-1] + bytes([backup[-1] ^ 1])
    given = {"cut": backup[:-20], "flipped": flipped, "made up": b"[]" * 40, "empty": b""}[change]
    with pytest.raises(HttpResponseError) as refused:
        client.restore_secret_backup(given)
    assert (refused.value.status_code, refused.value.error.code) == (400, "BadParameter")
