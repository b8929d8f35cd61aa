"""A local cloud whose access model is a copy of the application's, for tests that take parts out of it."""

from collections.abc import Callable, Iterator

import pytest
from localcloud.testing import RunningCloud, reached_as_from_a_pod

from infra.signing_keys import (
    FRONTEND_SIGNING_KEY,
    KID_TAG,
    RECEIPT_PUBLIC_KEY,
    RECEIPT_SIGNING_KEY,
    receipt_key_pair,
    session_key,
)
from tests.access import model
from tests.access.application import Application


@pytest.fixture(scope="package")
def application(
    start_cloud: Callable[..., RunningCloud], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Application]:
    """The application's Azure with its keys, and the settings by which its workloads find it."""
    access = tmp_path_factory.mktemp("access") / "access.yaml"
    access.write_text(model.FILE.read_text())
    running = start_cloud(access, name="keyless")
    pair, secrets = receipt_key_pair(), running.cloud.secrets
    kid = secrets.put(RECEIPT_PUBLIC_KEY, pair.public, {}, None)
    secrets.put(RECEIPT_SIGNING_KEY, pair.private, {KID_TAG: kid}, None)
    secrets.put(FRONTEND_SIGNING_KEY, session_key(), {}, None)
    with reached_as_from_a_pod(running) as patch:
        patch.setenv("AZURE_KEYVAULT_RESOURCEENDPOINT", running.vault_url)
        patch.setenv("AZURE_COSMOS_RESOURCEENDPOINT", running.cosmos_url)
        patch.setenv("AZURE_STORAGEBLOB_RESOURCEENDPOINT", running.blob_url)
        patch.setenv("AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE", running.namespace)
        patch.setenv("AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS", running.amqp_endpoint)
        yield Application(running, access)
