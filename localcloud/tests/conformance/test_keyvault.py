"""Key Vault through its own SDK: secrets, versions, tags, and what it says of a secret that it does not give."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.keyvault.secrets import ApiVersion, SecretClient
from conformance.targets import Target

LATER = datetime(2099, 1, 1, tzinfo=UTC)
EARLIER = datetime(2001, 1, 1, tzinfo=UTC)


@pytest.fixture
def client(target: Target) -> Iterator[SecretClient]:
    with target.vault(retry_total=0) as client:
        yield client


@pytest.fixture
def name() -> str:
    """A secret that no other test has, nor an earlier run."""
    return f"conformance-{uuid.uuid4().hex}"


def test_latest_version_is_the_one_set_last(client: SecretClient, name: str) -> None:
    """A secret read without a version is the one set last, also within one second; earlier ones stay readable."""
    versions = [client.set_secret(name, f"value {n}").properties.version for n in range(3)]

    assert client.get_secret(name).value == "value 2"
    assert client.get_secret(name, versions[0]).value == "value 0"
    assert len(set(versions)) == 3


def test_properties_come_back_as_set(client: SecretClient, name: str) -> None:
    """Tags, content type, times and the id in Azure's own form come back with the secret."""
    made = client.set_secret(name, "v", tags={"kid": "1"}, content_type="text/plain", expires_on=LATER)

    properties = client.get_secret(name).properties
    assert properties.id == f"{client.vault_url}/secrets/{name}/{made.properties.version}"
    assert (properties.tags, properties.content_type, properties.expires_on) == ({"kid": "1"}, "text/plain", LATER)
    assert properties.enabled
    assert properties.created_on == properties.updated_on is not None
    assert properties.recovery_level == "Recoverable+Purgeable"


@pytest.mark.parametrize("version", list(ApiVersion))
def test_every_supported_api_version_answers(target: Target, name: str, version: ApiVersion) -> None:
    """The SDK may speak any version of the service that it knows."""
    with target.vault(api_version=version) as client:
        client.set_secret(name, version.value)
        assert client.get_secret(name).value == version.value


def test_unknown_api_version_is_named(target: Target) -> None:
    """A version that there never was is refused in Key Vault's own words."""
    with (
        target.vault(api_version="6.9") as client,
        pytest.raises(HttpResponseError, match=r"\(BadParameter\) The specified version \(6.9\) is not recognized"),
    ):
        client.get_secret("alpha")


def test_versions_are_listed_page_by_page(client: SecretClient, name: str) -> None:
    """Every version is listed once, in pages of the size asked for, without its value."""
    made = {client.set_secret(name, str(n)).properties.version for n in range(5)}

    pages = [
        [p.version for p in page] for page in client.list_properties_of_secret_versions(name, max_page_size=2).by_page()
    ]

    assert [len(page) for page in pages] == [2, 2, 1]
    assert {version for page in pages for version in page} == made


def test_all_secrets_are_listed_once_each(client: SecretClient, name: str) -> None:
    """The list of all secrets names each once, whatever its number of versions."""
    for suffix in ("a", "b", "b", "c"):
        client.set_secret(f"{name}-{suffix}", "v")

    names = [p.name for p in client.list_properties_of_secrets(max_page_size=2)]

    assert [each for each in names if each and each.startswith(name)] == [f"{name}-{suffix}" for suffix in "abc"]


def test_properties_of_one_version_are_updated(client: SecretClient, name: str) -> None:
    """Updating a version changes what is given and keeps the rest, its value too."""
    made = client.set_secret(name, "v", tags={"a": "1"}, content_type="text/plain")

    client.update_secret_properties(name, made.properties.version, tags={"b": "2"}, not_before=EARLIER)

    secret = client.get_secret(name)
    assert (secret.value, secret.properties.tags, secret.properties.content_type) == ("v", {"b": "2"}, "text/plain")
    assert secret.properties.not_before == EARLIER


def test_disabled_secret_is_not_given(client: SecretClient, name: str) -> None:
    """A disabled latest version is refused, not passed over; the enabled version before it is still given by name."""
    first = client.set_secret(name, "1")
    client.set_secret(name, "2", enabled=False)

    with pytest.raises(HttpResponseError, match="Operation get is not allowed on a disabled secret") as refused:
        client.get_secret(name)
    assert refused.value.status_code == 403
    assert client.get_secret(name, first.properties.version).value == "1"


@pytest.mark.parametrize("times", [{"expires_on": EARLIER}, {"not_before": LATER}], ids=["expired", "not yet valid"])
def test_a_secret_out_of_its_time_is_given(client: SecretClient, name: str, times: dict[str, datetime]) -> None:
    """`exp` and `nbf` inform and do not bind: a get works for expired and for not-yet-valid secrets."""
    client.set_secret(name, "v", **times)
    assert client.get_secret(name).value == "v"


def test_a_disabled_secret_is_enabled_again(client: SecretClient, name: str) -> None:
    """A disabled secret is listed and updated; once it is enabled its value is given, unchanged."""
    client.set_secret(name, "v", enabled=False)

    assert [p.enabled for p in client.list_properties_of_secret_versions(name)] == [False]
    client.update_secret_properties(name, enabled=True)
    assert client.get_secret(name).value == "v"


def test_names_compare_without_case(client: SecretClient, name: str) -> None:
    """One secret has one history, however its name is written, and keeps the spelling of its first version."""
    first = client.set_secret(name, "1")
    second = client.set_secret(name.upper(), "2")

    assert client.get_secret(name).value == client.get_secret(name.upper()).value == "2"
    assert client.get_secret(name.title(), first.properties.version).value == "1"
    assert second.properties.id == f"{client.vault_url}/secrets/{name}/{second.properties.version}"
    versions = {p.version for p in client.list_properties_of_secret_versions(name.upper())}
    assert versions == {first.properties.version, second.properties.version}
    assert [p.name for p in client.list_properties_of_secrets() if p.name and p.name.lower() == name] == [name]


def test_missing_secret_and_version_are_not_found(client: SecretClient, name: str) -> None:
    """A secret or version that is not there is `SecretNotFound`."""
    made = client.set_secret(name, "v")
    assert made.properties.version
    for secret, version in ((f"{name}-absent", None), (name, "0" * 32)):
        with pytest.raises(ResourceNotFoundError, match="SecretNotFound"):
            client.get_secret(secret, version)


async def test_asyncio_client_reads_and_writes(target: Target, name: str) -> None:
    """The asyncio flavour of the SDK does the same."""
    async with target.aio_vault() as client:
        await client.set_secret(name, "aio")
        assert (await client.get_secret(name)).value == "aio"
        assert [p.name async for p in client.list_properties_of_secret_versions(name)] == [name]
