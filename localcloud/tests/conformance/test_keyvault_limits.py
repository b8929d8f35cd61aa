"""Key Vault's limits, each with what is still taken and what no longer is.

The pages behind them are named in `localcloud/keyvault/limits.py`.
"""

import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.secrets import SecretClient
from conformance.targets import Target


@pytest.fixture(scope="module")
def client(target: Target) -> Iterator[SecretClient]:
    with target.vault(retry_total=0) as client:
        yield client


class Limit(NamedTuple):
    """Two secrets: the first is at the limit, the second beyond it. `said` is in the refusal."""

    at: dict[str, Any]
    beyond: dict[str, Any]
    said: str


def unique(length: int) -> str:
    """A name of this length that no earlier run has used."""
    return uuid.uuid4().hex + "x" * (length - 32)


LIMITS = {
    "a name of 127 characters": Limit({"name": unique(127)}, {"name": unique(128)}, "invalid name"),
    "letters, digits and hyphens in a name": Limit(
        {"name": f"aZ-0-{unique(32)}"}, {"name": "under_score"}, "invalid name"
    ),
    "a value of 25 KB": Limit({"value": "x" * 25_600}, {"value": "x" * 25_601}, "value has an invalid value"),
    "a value's bytes, not its characters": Limit(
        {"value": "\N{EURO SIGN}" * 8_533}, {"value": "\N{EURO SIGN}" * 8_534}, "value has an invalid value"
    ),
    "15 tags": Limit(
        {"tags": {str(n): "" for n in range(15)}},
        {"tags": {str(n): "" for n in range(16)}},
        "tags has an invalid value",
    ),
    "256 characters in a tag's name": Limit({"tags": {"n" * 256: ""}}, {"tags": {"n" * 257: ""}}, "tags"),
    "256 characters in a tag's value": Limit({"tags": {"n": "v" * 256}}, {"tags": {"n": "v" * 257}}, "tags"),
    "255 characters in a content type": Limit(
        {"content_type": "t" * 255}, {"content_type": "t" * 256}, "contentType has an invalid value"
    ),
}


@pytest.mark.parametrize("name", LIMITS)
def test_each_limit_holds(client: SecretClient, name: str) -> None:
    """At the limit a secret comes back as it was set; beyond it is a `BadParameter`, which does not quote the value."""
    limit = LIMITS[name]
    secret = {"name": unique(40), "value": "v"}
    given = secret | limit.at
    client.set_secret(**given)
    found = client.get_secret(given["name"])
    assert found.value == given["value"]
    assert (found.properties.tags or {}) == given.get("tags", {})
    assert found.properties.content_type == given.get("content_type")
    with pytest.raises(HttpResponseError, match=limit.said) as refused:
        client.set_secret(**(secret | limit.beyond))
    assert (refused.value.status_code, refused.value.error.code) == (400, "BadParameter")
    assert "xxxx" not in str(refused.value).replace(limit.beyond.get("name", ""), "")


def test_the_limits_hold_for_an_update_too(client: SecretClient) -> None:
    """What cannot be set cannot be changed to, and the secret stays what it was."""
    name = unique(40)
    client.set_secret(name, "v", tags={"a": "1"})
    for change in ({"tags": {str(n): "" for n in range(16)}}, {"content_type": "t" * 256}):
        with pytest.raises(HttpResponseError, match="has an invalid value"):
            client.update_secret_properties(name, **change)
    assert client.get_secret(name).properties.tags == {"a": "1"}


def test_a_page_has_25_entries(client: SecretClient) -> None:
    """That is the default and the most: a page of 26 is refused."""
    name = unique(40)
    for number in range(27):
        client.set_secret(name, str(number))
    pages = [len(list(page)) for page in client.list_properties_of_secret_versions(name).by_page()]
    assert pages == [25, 2]
    with pytest.raises(HttpResponseError, match="maxresults"):
        list(client.list_properties_of_secret_versions(name, max_page_size=26))
