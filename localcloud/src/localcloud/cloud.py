"""Build the local cloud from its parts. No other module knows every part and every setting."""

import contextlib
import errno
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
from starlette.types import ASGIApp

from localcloud.authorization.audit import Audit
from localcloud.authorization.guard import Guard
from localcloud.authorization.issuer import Issuer
from localcloud.authorization.model import TENANT_ID
from localcloud.authorization.model_file import AccessFile
from localcloud.authorization.propagation import Propagation
from localcloud.authorization.tokens import TokenVerifier
from localcloud.authorization.workload import EXCHANGE_AUDIENCE
from localcloud.blob.azurite import Azurite
from localcloud.blob.routes import blob
from localcloud.clock import Clock
from localcloud.cluster.bindings.api_server import ApiServer
from localcloud.cluster.bindings.issuer import BindingIssuer
from localcloud.cluster.bindings.token_proxy import TokenProxy
from localcloud.cluster.bindings.token_review import AUDIENCE as PROXY_AUDIENCE
from localcloud.cosmos.routes import cosmos
from localcloud.cosmos.state import ItemStore
from localcloud.entra import discovery, imds
from localcloud.entra.access_tokens import token_issuer
from localcloud.entra.directory import Directory
from localcloud.entra.federation import BINDING_ISSUER_HOST, Federation
from localcloud.entra.issuers import Issuers
from localcloud.entra.routes import Entra
from localcloud.entra.signing_keys import SigningKeys
from localcloud.faults import Faults, Kind
from localcloud.keyvault.backup import Backups
from localcloud.keyvault.routes import keyvault
from localcloud.keyvault.state import SecretStore
from localcloud.network import hosts_file
from localcloud.network.certificates import Certificates
from localcloud.network.faulty_https import Faulty
from localcloud.network.http_server import HttpServer
from localcloud.network.https import HostRouter
from localcloud.network.proxy import ForwardProxy
from localcloud.operator.notices import Notices
from localcloud.servicebus.broker import Broker
from localcloud.servicebus.queue import Queue
from localcloud.servicebus.routes import servicebus
from localcloud.settings import Settings
from localcloud.state_folder import StateFolder

_TOKEN_PROXY = "token-proxy"  # noqa: S105 - the name that `localcloud fault` takes
ISSUER_HOST = "localcloud.oic.prod-aks.azure.com"  # an AKS issuer's host is {region}.oic.prod-aks.azure.com
# A token may be asked for by a service's application ID URI or by its client id, the same in every tenant.
_KEY_VAULT = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"
_COSMOS = "a232010e-820c-4083-83bb-3ace5fc29d0b"
_STORAGE = "e406a681-f3d4-42a8-90b6-c2b029497af1"
_SERVICE_BUS_AUDIENCES = frozenset({"https://servicebus.azure.net", "80a10ef9-8168-493d-abf9-3297c4ef6e3c"})
ISSUER_PATH = f"/{TENANT_ID}/00000000-0000-0000-0000-000000000001/"
_LOOPBACK = "127.0.0.1"


class PortTaken(Exception):
    """A port that this cloud needs is in use. The message names the port and its setting."""

    def __init__(self, what: str, host: str, port: int, setting: str) -> None:
        super().__init__(f"Port {port} on {host} ({what}) is taken. Free it, or choose another with {setting}.")


class Cloud:
    """Azure on one machine: Entra, Key Vault, Cosmos DB, Blob Storage, Service Bus and a cluster's OIDC issuer.

    `report` prints changes to the access file, `notices` refusals. The ports are known once `start` has returned. After
    `close` nothing listens any more.
    """

    def __init__(
        self,
        settings: Settings,
        report: Callable[[str], None],
        clock: Callable[[], float] = time.time,
        notices: Notices | None = None,
    ) -> None:
        self.settings = settings
        self.clock = Clock(clock)  # Azure's; the cluster's issuer has its own
        self.faults = Faults([*self._services.values(), _TOKEN_PROXY])
        self.model = AccessFile(settings.access, report)
        self.roles = Propagation(self.model, self.clock, report)
        self._folder = folder = StateFolder(settings.state)
        self.audit = Audit(settings.state / "audit.jsonl", self.clock)
        with folder.reading("tls") as path:
            self.certificates = Certificates(path)
        self.hosts_file = settings.state.absolute() / "hosts"
        hosts_file.write(self.hosts_file, self.names)
        if settings.publish_ca:
            self.certificates.publish(settings.publish_ca)
        with folder.reading("issuer-key.pem") as path:
            self.issuer = Issuer(f"https://{ISSUER_HOST}{ISSUER_PATH}", path, clock)
        with folder.reading("binding-issuer-key.pem") as path:
            self._binding_issuer = BindingIssuer(path, clock)
        self.federation = Federation(self.model, settings.federation, self.issuer.url, tuple(settings.issuers))
        self._cluster_clock = clock
        with folder.reading("cluster-tls") as path:
            self.api_server = ApiServer(path)
        with folder.reading("entra-key.pem") as path:
            self.entra_keys = SigningKeys(path)
        self._verifier = TokenVerifier(self.entra_keys.published, token_issuer(TENANT_ID), self.clock)
        entities = self.model().entities
        with folder.reading("keyvault.sqlite") as path:
            self.secrets = SecretStore(path, self.clock)
        with folder.reading("keyvault-backup.key") as path:
            self.backups = Backups(path)
        with folder.reading("cosmos.sqlite") as path:
            self._items = ItemStore(path, entities.cosmos, self.clock)
        self._azurite = Azurite(settings.state / "azurite", settings.azurite, settings.name)
        with folder.reading("servicebus.sqlite") as path:
            guard = self._guard(_SERVICE_BUS_AUDIENCES)
            self._broker = Broker(
                guard,
                entities.serviceBus,
                entities.topics,
                path,
                settings.servicebus_host,
                self.clock,
                faults=self.faults,
            )
        self._notices = notices or Notices()
        self._stack = contextlib.AsyncExitStack()
        self.proxy_port = self.amqp_port = self.https_port = 0

    @property
    def proxy_url(self) -> str:
        return f"http://{_LOOPBACK}:{self.proxy_port}"

    @property
    def queues(self) -> list[Queue]:
        """Service Bus' queues, topics, subscriptions and dead-letter sub-queues, to be read."""
        return self._broker.entities()

    @property
    def ca_bundle(self) -> Path:
        return self.certificates.bundle.absolute()

    @property
    def issuers(self) -> tuple[str, ...]:
        """The OIDC issuers of the clusters that every identity trusts."""
        return (self.issuer.url, *self.settings.issuers)

    @property
    def java_truststore(self) -> Path:
        return self.certificates.truststore.absolute()

    @property
    def names(self) -> tuple[str, ...]:
        """The host names that are answered here."""
        return tuple(self._services)

    @property
    def _services(self) -> dict[str, str]:
        """The service behind each host name, by the name that `localcloud fault` takes."""
        settings = self.settings
        return {
            discovery.HOST: "entra",
            ISSUER_HOST: "issuer",
            BINDING_ISSUER_HOST: "issuer",
            settings.vault_host: "keyvault",
            settings.cosmos_host: "cosmos",
            settings.blob_host: "blob",
            settings.servicebus_host: "servicebus",
        }

    def audience_of(self, workload: str) -> str:
        """The audience of the workload's projected token, if it runs outside the cluster."""
        return PROXY_AUDIENCE if self.federation.asks_token_proxy(workload) else EXCHANGE_AUDIENCE

    def rotate_entra_key(self) -> None:
        """Sign Entra's tokens with a new key. Tokens that are signed with the old one stay valid."""
        self.entra_keys.rotate()
        self._verifier.trust(self.entra_keys.published)

    async def start(self) -> None:
        """Start every part. If one fails, stop those that have started. Raises `PortTaken`."""
        try:
            await self._start()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        host, stack = self.settings.host, self._stack
        for part in (self._folder, self.audit, self.secrets, self._items):
            stack.callback(part.close)
        with _named("HTTPS", host, self.settings.https_port, "LOCALCLOUD_HTTPS_PORT"):
            server = HttpServer("HTTPS", host, self.settings.https_port)
        stack.push_async_callback(server.close)
        self.https_port = server.port
        proxy = ForwardProxy(frozenset(self.names), host, server.port, self._refused, self._is_down, self._metadata)
        with _named("the proxy", _LOOPBACK, self.settings.proxy_port, "LOCALCLOUD_PROXY_PORT"):
            self.proxy_port = await proxy.start(_LOOPBACK, self.settings.proxy_port)
        stack.push_async_callback(proxy.close)
        with _named("Service Bus", host, self.settings.amqp_port, "LOCALCLOUD_AMQP_PORT"):
            self.amqp_port = await self._broker.start(host, self.settings.amqp_port, self._tls())
        stack.push_async_callback(self._broker.close)

        await self._azurite.start()
        stack.push_async_callback(self._azurite.close)
        await self._azurite.create_containers(self.model().entities.blob)
        fetcher = await stack.enter_async_context(self._fetcher())
        apps = {name: Faulty(app, self.faults, self._services[name]) for name, app in self._apps(fetcher).items()}
        await server.serve(HostRouter(apps), self._tls())
        token_proxy = TokenProxy(
            self.issuer,
            self._binding_issuer,
            self.federation,
            self.api_server.roles,
            fetcher,
            self.audit,
            self._cluster_clock,
        )
        stack.push_async_callback(self.api_server.close)
        await self.api_server.start(Faulty(token_proxy.app(), self.faults, _TOKEN_PROXY))

    def _apps(self, fetcher: httpx.AsyncClient) -> dict[str, ASGIApp]:
        """Return the ASGI application of each host name."""
        settings = self.settings
        tenant = Entra(
            Directory(TENANT_ID, self.model, self.federation),
            Issuers(fetcher, self.clock),
            self.entra_keys,
            self._vault_audiences | self._cosmos_audiences | self._blob_audiences | _SERVICE_BUS_AUDIENCES,
            self.audit,
            self.clock,
        )
        vault = self._guard(self._vault_audiences)
        return {
            discovery.HOST: tenant.app(),
            ISSUER_HOST: self.issuer.discovery(ISSUER_PATH),
            BINDING_ISSUER_HOST: self._binding_issuer.discovery(),
            settings.vault_host: keyvault(
                vault,
                self.secrets,
                self.backups,
                f"https://{settings.vault_host}",
                f"{discovery.AUTHORITY}/{TENANT_ID}",
            ),
            settings.cosmos_host: cosmos(
                self._guard(self._cosmos_audiences), self._items, settings.name, f"https://{settings.cosmos_host}/"
            ),
            settings.blob_host: blob(self._guard(self._blob_audiences), self._azurite, settings.name),
            settings.servicebus_host: servicebus(self._guard(_SERVICE_BUS_AUDIENCES), self._broker),
        }

    @property
    def _vault_audiences(self) -> frozenset[str]:
        return frozenset({"https://vault.azure.net", _KEY_VAULT})

    @property
    def _cosmos_audiences(self) -> frozenset[str]:
        return frozenset({"https://cosmos.azure.com", _COSMOS, f"https://{self.settings.cosmos_host}"})

    @property
    def _blob_audiences(self) -> frozenset[str]:
        return frozenset({"https://storage.azure.com", _STORAGE, f"https://{self.settings.blob_host}"})

    def _guard(self, audiences: frozenset[str]) -> Guard:
        return Guard(self._verifier, self.roles, self.audit, audiences)

    def _tls(self) -> ssl.SSLContext:
        return self.certificates.server_context(*self.names, "localhost", self.settings.host)

    def _fetcher(self) -> httpx.AsyncClient:
        """Return the client with which Entra fetches keys: this cloud's issuer through the proxy, others directly."""
        inside = httpx.AsyncHTTPTransport(proxy=self.proxy_url, verify=self.certificates.client_context())
        hosts = (discovery.HOST, ISSUER_HOST, BINDING_ISSUER_HOST)
        return httpx.AsyncClient(timeout=10, mounts={f"all://{host}": inside for host in hosts})

    def _is_down(self, name: str) -> bool:
        fault = self.faults.of(self._services[name])
        if fault is None or fault.kind is not Kind.DOWN:
            return False
        fault.met += 1
        return True

    def _metadata(self, target: str) -> tuple[int, str]:
        self._notices.refuse("a program asked the instance metadata service for a token", imds.ADVICE)
        return imds.answer(target)

    def _refused(self, where: str) -> None:
        self._notices.refuse(f"the proxy refused {where}: nothing but the local cloud is reached from a pod")


@contextlib.contextmanager
def _named(what: str, host: str, port: int, setting: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise PortTaken(what, host, port, setting) from error
