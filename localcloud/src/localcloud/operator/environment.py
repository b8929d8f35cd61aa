"""What leads a program to this cloud: in your shell, a test or another container, and in the laptop's own cluster."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from localcloud.authorization.model import TENANT_ID, client_id
from localcloud.cloud import Cloud
from localcloud.entra.discovery import AUTHORITY

_DIRECT = ("127.0.0.1", "localhost")  # what is reached without the proxy


def environment_of(cloud: Cloud, workload: str, token_file: Path) -> Mapping[str, str]:
    """Return the variables with which every language's SDKs reach this cloud as this workload.

    The webhook's four come first, and its further three if the workload's identity is bound. Then come the
    services under Service Connector's names, then the proxy and the CA under the names that each language reads
    (`localcloud.operator.languages`).
    """
    settings, ca, direct = cloud.settings, str(cloud.ca_bundle), ",".join(_DIRECT)
    return {
        "AZURE_CLIENT_ID": client_id(workload),
        "AZURE_TENANT_ID": TENANT_ID,
        "AZURE_FEDERATED_TOKEN_FILE": str(token_file),
        "AZURE_AUTHORITY_HOST": f"{AUTHORITY}/",
        **(_token_proxy(cloud) if cloud.federation.asks_token_proxy(workload) else {}),
        "AZURE_KEYVAULT_RESOURCEENDPOINT": f"https://{settings.vault_host}/",
        "AZURE_COSMOS_RESOURCEENDPOINT": f"https://{settings.cosmos_host}:443/",
        "AZURE_STORAGEBLOB_RESOURCEENDPOINT": f"https://{settings.blob_host}/",
        "AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE": settings.servicebus_host,
        # AMQP does not go through a proxy, so each SDK is told the address: Python as `custom_endpoint_address`.
        "AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS": f"sb://127.0.0.1:{cloud.amqp_port}",
        # In both cases, because the languages differ in which one wins: in Go the upper, in Python and .NET the lower.
        "HTTPS_PROXY": cloud.proxy_url,
        "https_proxy": cloud.proxy_url,
        "HTTP_PROXY": cloud.proxy_url,  # the instance metadata service is asked over plain HTTP
        "http_proxy": cloud.proxy_url,
        "NO_PROXY": direct,
        "no_proxy": direct,
        "SSL_CERT_FILE": ca,
        "REQUESTS_CA_BUNDLE": ca,
        "CURL_CA_BUNDLE": ca,
        "NODE_EXTRA_CA_CERTS": ca,
        "JAVA_TOOL_OPTIONS": _java_options(cloud),
    }


def _token_proxy(cloud: Cloud) -> Mapping[str, str]:
    endpoint = cloud.api_server.token_endpoint
    return {
        "AZURE_KUBERNETES_TOKEN_PROXY": endpoint.proxy,
        "AZURE_KUBERNETES_SNI_NAME": endpoint.sni_name,
        "AZURE_KUBERNETES_CA_FILE": str(cloud.api_server.certificates.bundle.absolute()),
    }


def node_environment(cloud: Cloud) -> Mapping[str, str]:
    """Return what a node of the laptop's cluster adds to every container: the way to this cloud, and its CA."""
    return {
        "HTTPS_PROXY": cloud.proxy_url,
        "HTTP_PROXY": cloud.proxy_url,  # the instance metadata service is asked over plain HTTP
        "NO_PROXY": ",".join(_DIRECT),
        "REQUESTS_CA_BUNDLE": str(cloud.ca_bundle),
        "SSL_CERT_FILE": str(cloud.ca_bundle),
        "AMQP_PORT": str(cloud.amqp_port),
    }


def _java_options(cloud: Cloud) -> str:
    """The system properties that stand for the CA, the names and the proxy in a JVM.

    The JVM splits them at spaces and honours a shell's quotes.
    """
    properties = {
        "javax.net.ssl.trustStore": str(cloud.java_truststore),
        "jdk.net.hosts.file": str(cloud.hosts_file),  # the Cosmos client looks the name up before it asks the proxy
        "https.proxyHost": "127.0.0.1",
        "https.proxyPort": str(cloud.proxy_port),
        "http.proxyHost": "127.0.0.1",
        "http.proxyPort": str(cloud.proxy_port),
        "http.nonProxyHosts": "|".join(_DIRECT),  # counts for https too
    }
    return shlex.join(f"-D{name}={value}" for name, value in properties.items())
