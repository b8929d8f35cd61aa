"""The running webhook: serve it over HTTPS, register it on a cluster, and take it away from there at the end."""

import contextlib
from pathlib import Path

from localcloud.cluster.admission import PATH, admission_webhook
from localcloud.cluster.errors import ClusterError
from localcloud.cluster.registration import WebhookRegistration
from localcloud.cluster.webhook import WebhookSettings
from localcloud.network.certificates import Certificates
from localcloud.network.http_server import HttpServer
from localcloud.operator.lines import step
from localcloud.program import stop_signal
from localcloud.settings import Settings

FAILURES = (ClusterError, OSError)
"""What `run` raises if it can't start. Each message is a sentence for the terminal."""


async def run(settings: Settings, kubeconfig: Path, webhook: WebhookSettings) -> None:
    """Serve the webhook until SIGINT, SIGTERM, SIGHUP or the end of the parent process. Raises `FAILURES`.

    The API server must reach `settings.host`. If this program is killed, the cluster goes on calling the webhook and
    admits no labelled pod, as on AKS if the webhook's pods are down.
    """
    stop = stop_signal()
    certificates = Certificates(settings.state / "tls")
    cluster = WebhookRegistration(kubeconfig)
    async with contextlib.AsyncExitStack() as stack:
        server = HttpServer("the webhook", settings.host, settings.https_port)
        stack.push_async_callback(server.close)
        url = f"https://{settings.host}:{server.port}{PATH}"
        app = admission_webhook(webhook, cluster.service_account)
        await server.serve(app, certificates.server_context(settings.host))
        await cluster.register(url, certificates.bundle.read_bytes())
        stack.push_async_callback(cluster.unregister)
        step(f"{url} is registered: every pod with the webhook's label passes it")
        await stop.wait()
    step("unregistered: pods are admitted as they are")
