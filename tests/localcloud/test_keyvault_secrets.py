"""Key Vault through its own SDK: secrets, versions, tags, and what it says of a secret that it does not give."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.keyvault.secrets import ApiVersion, SecretClient
from azure.keyvault.secrets.aio import SecretClient as AioSecretClient
from localcloud.keyvault.state import SecretStore

LATER = datetime(2099, 1, 1, tzinfo=UTC)
EARLIER = datetime(2001, 1, 1, tzinfo=UTC)


@pytest.fixture
def client(cloud: Any, credential: Callable[[str], Any]) -> Iterator[SecretClient]:
    with SecretClient(cloud.vault_url, credential("administrator"), retry_total=0) as client:
        yield client


def test_latest_version_is_the_one_set_last(client: SecretClient) -> None:
    """A secret read without a version is the one set last, also within one second; earlier ones stay readable."""
    versions = [client.set_secret("alpha", f"value {n}").properties.version for n in range(3)]

    assert client.get_secret("alpha").value == "value 2"
    assert client.get_secret("alpha", versions[0]).value == "value 0"
    assert len(set(versions)) == 3


def test_properties_come_back_as_set(client: SecretClient, cloud: Any) -> None:
    """Tags, content type, times and the id in Azure's own form come back with the secret."""
    made = client.set_secret("alpha", "v", tags={"kid": "1"}, content_type="text/plain", expires_on=LATER)

    properties = client.get_secret("alpha").properties
    assert properties.id == f"{cloud.vault_url}/secrets/alpha/{made.properties.version}"
    assert (properties.tags, properties.content_type, properties.expires_on) == ({"kid": "1"}, "text/plain", LATER)
    assert properties.enabled
    assert properties.created_on == properties.updated_on is not None
    assert properties.recovery_level == "Recoverable+Purgeable"


@pytest.mark.parametrize("version", [v for v in ApiVersion if v >= ApiVersion.V7_4])
def test_every_supported_api_version_answers(cloud: Any, credential: Callable[[str], Any], version: ApiVersion) -> None:
    """The SDK may speak any of the service's versions from 7.4 on."""
    with SecretClient(cloud.vault_url, credential("administrator"), api_version=version) as client:
        client.set_secret("beta", version.value)
        assert client.get_secret("beta").value == version.value


def test_unknown_api_version_is_named(cloud: Any, credential: Callable[[str], Any]) -> None:
    """A version from before 7.4 is refused in Key Vault's own words."""
    with (
        SecretClient(cloud.vault_url, credential("administrator"), api_version="7.0") as client,
        pytest.raises(HttpResponseError, match=r"\(BadParameter\) The specified version \(7.0\) is not recognized"),
    ):
        client.get_secret("alpha")


def test_versions_are_listed_page_by_page(client: SecretClient) -> None:
    """Every version is listed once, in pages of the size asked for, without its value."""
    made = {client.set_secret("paged", str(n)).properties.version for n in range(5)}

    pages = [
        [p.version for p in page]
        for page in client.list_properties_of_secret_versions("paged", max_page_size=2).by_page()
    ]

    assert [len(page) for page in pages] == [2, 2, 1]
    assert {version for page in pages for version in page} == made


def test_all_secrets_are_listed_once_each(client: SecretClient) -> None:
    """The list of all secrets names each once, whatever its number of versions."""
    for name in ("list-a", "list-b", "list-b", "list-c"):
        client.set_secret(name, "v")

    names = [p.name for p in client.list_properties_of_secrets(max_page_size=2)]

    assert [name for name in names if name.startswith("list-")] == ["list-a", "list-b", "list-c"]


def test_properties_of_one_version_are_updated(client: SecretClient) -> None:
    """Updating a version changes what is given and keeps the rest, its value too."""
    made = client.set_secret("updated", "v", tags={"a": "1"}, content_type="text/plain")

    client.update_secret_properties("updated", made.properties.version, tags={"b": "2"}, not_before=EARLIER)

    secret = client.get_secret("updated")
    assert (secret.value, secret.properties.tags, secret.properties.content_type) == ("v", {"b": "2"}, "text/plain")
    assert secret.properties.not_before == EARLIER


def test_disabled_secret_is_not_given(client: SecretClient) -> None:
    """A disabled latest version is refused, not passed over; the enabled version before it is still given by name."""
    first = client.set_secret("disabled", "1")
    client.set_secret("disabled", "2", enabled=False)

    with pytest.raises(HttpResponseError, match="Operation get is not allowed on a disabled secret") as refused:
        client.get_secret("disabled")
    assert refused.value.status_code == 403
    assert client.get_secret("disabled", first.properties.version).value == "1"


def test_expired_secret_is_given(client: SecretClient) -> None:
    """An expiry date informs and does not bind: Key Vault gives expired secrets."""
    client.set_secret("expired", "v", expires_on=EARLIER)
    assert client.get_secret("expired").value == "v"


def test_missing_secret_and_version_are_not_found(client: SecretClient) -> None:
    """A secret or version that is not there is `SecretNotFound`."""
    made = client.set_secret("present", "v")
    assert made.properties.version
    for name, version in (("absent", None), ("present", "0" * 32)):
        with pytest.raises(ResourceNotFoundError, match="SecretNotFound"):
            client.get_secret(name, version)


@pytest.mark.parametrize(
    ("name", "value", "more", "message"),
    [
        ("under_score", "v", {}, "invalid name"),
        ("alpha", "x" * 30_000, {}, "value has an invalid value"),
        ("alpha", "v", {"tags": {str(n): "" for n in range(16)}}, "tags has an invalid value"),
    ],
)
def test_bad_secret_is_refused(client: SecretClient, name: str, value: str, more: Any, message: str) -> None:
    """A name, value or tags outside Key Vault's limits are a `BadParameter`, which does not quote the value."""
    with pytest.raises(HttpResponseError, match=message) as refused:
        client.set_secret(name, value, **more)
    assert refused.value.status_code == 400
    assert "xxx" not in str(refused.value)


def test_unsupported_operations_say_so(client: SecretClient) -> None:
    """Backing up and deleting are refused by name: this vault takes nothing back."""
    client.set_secret("kept", "v")
    for operation in (client.backup_secret, client.begin_delete_secret):
        with pytest.raises(HttpResponseError, match=r"\(NotSupported\)"):
            operation("kept")
    assert client.get_secret("kept").value == "v"


async def test_asyncio_client_reads_and_writes(cloud: Any, aio_credential: Callable[[str], Any]) -> None:
    """The asyncio flavour of the SDK does the same."""
    credential = aio_credential("administrator")
    async with credential, AioSecretClient(cloud.vault_url, credential) as client:
        await client.set_secret("aio", "v")
        assert (await client.get_secret("aio")).value == "v"
        assert [p.name async for p in client.list_properties_of_secret_versions("aio")] == ["aio"]


def test_secrets_outlive_a_restart(tmp_path: Path) -> None:
    """A store opened again has every version, in the order in which they were put."""
    store = SecretStore(tmp_path / "keyvault.sqlite", lambda: 1000.0)
    versions = [store.put("name", str(n), {"n": str(n)}) for n in range(3)]
    store.close()

    again = SecretStore(tmp_path / "keyvault.sqlite", lambda: 2000.0)

    latest = again.get("name")
    assert latest is not None
    assert (latest.version, latest.value, latest.tags, latest.created) == (versions[2], "2", {"n": "2"}, 1000)
    assert again.names() == ["name"]
    again.close()
