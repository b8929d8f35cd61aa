"""What the local vault alone promises: what it does not do, and what it keeps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.secrets import SecretClient
from localcloud.keyvault.state import SecretStore


def test_unsupported_operations_say_so(cloud: Any, credential: Callable[[str], Any]) -> None:
    """Backing up and deleting are refused by name: this vault takes nothing back."""
    with SecretClient(cloud.vault_url, credential("administrator"), retry_total=0) as client:
        client.set_secret("kept", "v")
        for operation in (client.backup_secret, client.begin_delete_secret):
            with pytest.raises(HttpResponseError, match=r"\(NotSupported\)"):
                operation("kept")
        assert client.get_secret("kept").value == "v"


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
