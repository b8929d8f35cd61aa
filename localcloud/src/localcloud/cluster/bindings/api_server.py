"""The API server's address: by the name that a client asks for in its TLS handshake, the token proxy answers there.

The local cluster has no Kubernetes API, so under the API server's own name each request is refused in words.
"""

import base64
import hashlib
import ssl
from pathlib import Path

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.cluster.bindings.cluster_roles import ClusterRoles
from localcloud.cluster.bindings.token_review import AUDIENCE
from localcloud.cluster.manifest import Manifests
from localcloud.cluster.resources import ConfigMap, Metadata
from localcloud.cluster.webhook import TokenEndpoint
from localcloud.network.certificates import Certificates
from localcloud.network.http_server import TLS, HttpServer

ROOT_CA = "kube-root-ca.crt"
"""The ConfigMap with the API server's CA that Kubernetes puts into every namespace."""

_ANNOTATION_SUFFIX = "identity-binding"
_HOST = "127.0.0.1"  # pods reach it without the proxy, as they reach the API server on AKS
_CLUSTER_ID = "000000000000000000000001"
_NAMES = ("kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost")


def sni_name(cluster_id: str) -> str:
    """Return the name under which a cluster's token proxy is asked for, as the Key Vault CSI provider makes it.

    https://github.com/Azure/secrets-store-csi-driver-provider-azure
    """
    digest = hashlib.sha256(f"identity-binding{cluster_id}".encode()).digest()
    return f"a{base64.b32hexencode(digest).decode().rstrip('=')}.ests.aks".lower()


def token_endpoint(proxy: str, cluster_id: str) -> TokenEndpoint:
    """Return where the webhook leads pods with the annotation `azure.workload.identity/use-identity-binding`.

    `proxy` is the URL of the cluster's token proxy.
    """
    return TokenEndpoint(_ANNOTATION_SUFFIX, AUDIENCE, proxy, sni_name(cluster_id), ROOT_CA)


class ApiServer:
    """It has a CA of its own, in the folder given. `roles` are what the manifests say."""

    def __init__(self, folder: Path) -> None:
        self.roles = ClusterRoles()
        self.sni_name = sni_name(_CLUSTER_ID)
        self.certificates = Certificates(folder)
        self._server: HttpServer | None = None

    @property
    def url(self) -> str:
        """Its address, once it is started."""
        assert self._server is not None  # noqa: S101 - nothing runs in a cluster that is not started
        return f"https://{_HOST}:{self._server.port}"

    @property
    def ca(self) -> str:
        """The CA's certificate in PEM."""
        return self.certificates.bundle.read_text()

    @property
    def token_endpoint(self) -> TokenEndpoint:
        """Where the webhook leads pods that use identity bindings."""
        return token_endpoint(self.url, _CLUSTER_ID)

    def take(self, manifests: Manifests) -> None:
        """Let the manifests' ClusterRoles count from now on, and put the CA into each namespace that has pods."""
        self.roles.take(manifests.cluster_roles.values(), manifests.cluster_role_bindings.values())
        for item in (*manifests.deployments.values(), *manifests.cron_jobs.values()):
            metadata = Metadata(name=ROOT_CA, namespace=item.metadata.namespace)
            ca = ConfigMap(api_version="v1", kind="ConfigMap", metadata=metadata, data={"ca.crt": self.ca})
            manifests.config_maps[metadata.namespace, metadata.name] = ca

    async def start(self, token_proxy: ASGIApp) -> None:
        """Return once requests are answered."""
        context = self.certificates.server_context(*_NAMES, _HOST)
        of_proxy = self.certificates.server_context(self.sni_name)

        def choose(connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
            if name == self.sni_name:
                connection.context = of_proxy

        context.sni_callback = choose
        self._server = server = HttpServer("The API server", _HOST, 0)
        await server.serve(_ByContext(of_proxy, token_proxy), context)

    async def close(self) -> None:
        if self._server is not None:
            await self._server.close()


class _ByContext:
    """Hand a request to the token proxy if its connection has that one's TLS context."""

    def __init__(self, context: ssl.SSLContext, token_proxy: ASGIApp) -> None:
        self._context = context
        self._token_proxy = token_proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_proxy = scope.get("extensions", {}).get(TLS, {}).get("context") is self._context
        await (self._token_proxy if is_proxy else _no_api)(scope, receive, send)


async def _no_api(scope: Scope, receive: Receive, send: Send) -> None:
    """https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/"""
    message = (
        "The local cluster has no Kubernetes API. The token proxy answers here under the name that "
        "AZURE_KUBERNETES_SNI_NAME holds."
    )
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
    await JSONResponse(status | {"message": message}, 404)(scope, receive, send)
