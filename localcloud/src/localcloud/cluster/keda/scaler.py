"""KEDA's scaler for Service Bus: reads the length of a queue or a subscription with the real client and identity.

https://github.com/kedacore/keda/blob/main/pkg/scalers/azure_servicebus_scaler.go
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from localcloud.cluster.errors import ClusterError
from localcloud.cluster.keda.manifests import ServiceBusMetadata

if TYPE_CHECKING:
    from azure.core.pipeline.transport import RequestsTransport
    from azure.servicebus.management import ServiceBusAdministrationClient

_TIMEOUT = 3  # seconds, as KEDA_HTTP_DEFAULT_TIMEOUT
_SUFFIX = "servicebus.windows.net"


@dataclass(frozen=True, slots=True)
class OperatorIdentity:
    """The operator's projected token, and Entra. `node_environment` has the way to Azure: the proxy and the CA."""

    token_file: Path
    tenant_id: str
    authority_host: str
    node_environment: Mapping[str, str]


class ServiceBusScaler:
    """Reads one trigger's length as the identity with this client id. Raises `ClusterError` without Azure's SDK."""

    def __init__(self, metadata: ServiceBusMetadata, client_id: str, operator: OperatorIdentity) -> None:
        self._metadata = metadata
        self._open = contextlib.ExitStack()
        self._client = _administration_client(f"{metadata.namespace}.{_SUFFIX}", client_id, operator, self._open)

    def length(self) -> int:
        """Return the number of active messages. Blocks. Raises `azure.core.exceptions.AzureError`."""
        if self._metadata.queue_name:
            return self._client.get_queue_runtime_properties(self._metadata.queue_name).active_message_count or 0
        subscription = self._client.get_subscription_runtime_properties(
            self._metadata.topic_name, self._metadata.subscription_name
        )
        return subscription.active_message_count or 0

    def close(self) -> None:
        self._open.close()


def _administration_client(
    namespace: str, client_id: str, operator: OperatorIdentity, stack: contextlib.ExitStack
) -> "ServiceBusAdministrationClient":
    """Return the client of a namespace. What it needs is closed with the stack."""
    try:
        from azure.identity import WorkloadIdentityCredential
        from azure.servicebus.management import ServiceBusAdministrationClient
    except ImportError as error:
        raise ClusterError(f"a ScaledObject needs Azure's SDK: install localcloud[keda] ({error})") from error
    credential = WorkloadIdentityCredential(
        tenant_id=operator.tenant_id,
        client_id=client_id,
        token_file_path=str(operator.token_file),
        authority=operator.authority_host,
        transport=_transport(operator.node_environment),
    )
    stack.enter_context(credential)
    transport = _transport(operator.node_environment)
    client = ServiceBusAdministrationClient(namespace, credential, transport=transport, retry_total=0)
    return stack.enter_context(client)


def _transport(environment: Mapping[str, str]) -> "RequestsTransport":
    """Return the way to Azure that a pod of this node has, whatever this process's own environment says."""
    import requests
    from azure.core.pipeline.transport import RequestsTransport

    session = requests.Session()
    session.trust_env = False
    session.proxies = {"https": environment["HTTPS_PROXY"]} if "HTTPS_PROXY" in environment else {}
    return RequestsTransport(
        session=session,
        connection_verify=environment.get("REQUESTS_CA_BUNDLE", True),
        connection_timeout=_TIMEOUT,
        read_timeout=_TIMEOUT,
    )
