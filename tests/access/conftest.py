"""A local cloud whose access model is a copy of the application's, for tests that take parts out of it."""

from collections.abc import Callable, Iterator

import aiohttp.connector
import pytest

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
from tests.localcloud import conftest as clouds

azurite = clouds.azurite
start_cloud = clouds.start_cloud


@pytest.fixture(scope="package")
def application(
    start_cloud: Callable[..., clouds.RunningCloud], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Application]:
    """The application's Azure with its keys, reached as from a pod: through the proxy, trusting its CA alone."""
    access = tmp_path_factory.mktemp("access") / "access.yaml"
    access.write_text(model.FILE.read_text())
    running = start_cloud(access=access)
    pair, secrets = receipt_key_pair(), running.cloud.secrets
    kid = secrets.put(RECEIPT_PUBLIC_KEY, pair.public, {}, None)
    secrets.put(RECEIPT_SIGNING_KEY, pair.private, {KID_TAG: kid}, None)
    secrets.put(FRONTEND_SIGNING_KEY, session_key(), {}, None)
    # aiohttp reads SSL_CERT_FILE when it is imported, which here is before the cloud has a CA.
    aiohttp.connector._SSL_CONTEXT_VERIFIED.load_verify_locations(running.ca_bundle)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("https_proxy", "NO_PROXY", "no_proxy", "CURL_CA_BUNDLE", "SSL_CERT_DIR"):
            patch.delenv(name, raising=False)
        for name, value in environment(running).items():
            patch.setenv(name, value)
        yield Application(running, access)


def environment(running: clouds.RunningCloud) -> dict[str, str]:
    """What every pod is given alike: where Azure is, and by which way."""
    return {
        "HTTPS_PROXY": running.cloud.proxy_url,
        "REQUESTS_CA_BUNDLE": running.ca_bundle,
        "SSL_CERT_FILE": running.ca_bundle,
        "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
        "AZURE_KEYVAULT_RESOURCEENDPOINT": running.vault_url,
        "AZURE_COSMOS_RESOURCEENDPOINT": running.cosmos_url,
        "AZURE_STORAGEBLOB_RESOURCEENDPOINT": running.blob_url,
        "AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE": running.namespace,
        "AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS": running.amqp_endpoint,
    }
