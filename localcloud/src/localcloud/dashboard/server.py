"""The dashboard's server: on loopback only, and never in the way of the local cloud's start or end."""

import errno

from localcloud.cloud import Cloud
from localcloud.cluster.cluster import Cluster
from localcloud.dashboard.activity import Activity
from localcloud.dashboard.application import dashboard
from localcloud.dashboard.live import Live
from localcloud.dashboard.pages import Pages
from localcloud.doctor.laptop import Laptop
from localcloud.network.http_server import HttpServer
from localcloud.operator.advice import Advice

_LOOPBACK = "127.0.0.1"
_MOST_CONNECTIONS = 64  # a few browser tabs


class Dashboard:
    """Hears the audit trail from the beginning on, and serves the pages once the cluster is there."""

    def __init__(self, cloud: Cloud, advice: Advice) -> None:
        self._cloud = cloud
        self._advice = advice
        self._activity = Activity(advice, cloud.clock)
        self._server: HttpServer | None = None
        self._live: Live | None = None
        cloud.audit.listen(self._activity.hear)

    @property
    def url(self) -> str:
        """Where the pages are, once they are served."""
        return f"http://{_LOOPBACK}:{self._server.port}" if self._server else ""

    async def start(self, cluster: Cluster | None, laptop: Laptop | None) -> str | None:
        """Serve the pages. If the port is taken, the system chooses another; return a sentence about it.

        The dashboard only shows what happens. The cloud is not stopped for want of it, for example if a second local
        cloud runs on this machine.
        """
        port, said = self._cloud.settings.dashboard_port, None
        try:
            self._server = HttpServer("the dashboard", _LOOPBACK, port, _MOST_CONNECTIONS)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            self._server = HttpServer("the dashboard", _LOOPBACK, 0, _MOST_CONNECTIONS)
            said = (
                f"Port {port} on {_LOOPBACK} (the dashboard) is taken, so the dashboard is on {self.url}. "
                "Free the port, or choose another with LOCALCLOUD_DASHBOARD_PORT."
            )
        pages = Pages(self._cloud, cluster, laptop, self._advice, self._activity)
        self._live = Live(pages.state)
        await self._server.serve(dashboard(pages, self._live))
        return said

    async def close(self) -> None:
        if self._live is not None:
            self._live.close()
        if self._server is not None:
            await self._server.close()
