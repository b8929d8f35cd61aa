"""The environment of a workload that runs outside the cluster: a program in your shell, a test, another container."""

from collections.abc import Mapping
from pathlib import Path

from localcloud.authorization.model import TENANT_ID, client_id
from localcloud.cloud import Cloud
from localcloud.entra.discovery import AUTHORITY


def environment_of(cloud: Cloud, workload: str, token_file: Path) -> Mapping[str, str]:
    """The variables that lead the SDKs of every language to this cloud as this workload.

    The webhook's four come first, then Service Connector's names for the services, then the way there: the proxy and
    the CA, by the names that Python, Node, Go, Java and .NET read.
    """
    settings, ca = cloud.settings, str(cloud.ca_bundle)
    return {
        "AZURE_CLIENT_ID": client_id(workload),
        "AZURE_TENANT_ID": TENANT_ID,
        "AZURE_FEDERATED_TOKEN_FILE": str(token_file),
        "AZURE_AUTHORITY_HOST": f"{AUTHORITY}/",
        "AZURE_KEYVAULT_RESOURCEENDPOINT": f"https://{settings.vault_host}/",
        "AZURE_COSMOS_RESOURCEENDPOINT": f"https://{settings.cosmos_host}:443/",
        "AZURE_STORAGEBLOB_RESOURCEENDPOINT": f"https://{settings.blob_host}/",
        "AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE": settings.servicebus_host,
        # AMQP does not go through a proxy, so each SDK is told the address: Python as `custom_endpoint_address`.
        "AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS": f"sb://127.0.0.1:{cloud.amqp_port}",
        "HTTPS_PROXY": cloud.proxy_url,
        "HTTP_PROXY": cloud.proxy_url,  # the instance metadata service is asked over plain HTTP
        "NO_PROXY": "127.0.0.1,localhost",
        "SSL_CERT_FILE": ca,  # Go, .NET and Python's asyncio clients
        "REQUESTS_CA_BUNDLE": ca,  # Python's synchronous clients
        "NODE_EXTRA_CA_CERTS": ca,
    }
