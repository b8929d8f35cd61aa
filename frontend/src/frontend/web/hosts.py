"""The hosts that are answered: those of the setting `ALLOWED_HOSTS`, and no others.

Any web page can make its own host name stand for 127.0.0.1, and then read what answers there (DNS rebinding): on a
laptop, `/identity`. The browser puts that name into `Host`, so it is refused here.

The kubelet asks for a pod's health by the pod's address. An address can't be rebound, because it is no name.
"""

import re
from urllib.parse import urlsplit

from flask import Flask, request

from frontend.web.health import PATHS
from frontend.web.problems import Problem
from workload.addresses import is_address
from workload.settings import LOOPBACK

_HOST = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?")


def register(app: Flask, allowed: frozenset[str]) -> None:
    """Check every request, before anything is read of it."""

    def require_allowed_host() -> None:
        host = request.environ.get("HTTP_HOST", "").lower()
        name = _name(host)
        if _authority(request.environ.get("RAW_URI", "/"), host) != host:
            raise Problem(400, "HostNotAllowed", "The request's target names another host than its Host header.")
        if name not in allowed and not (request.path in PATHS and is_address(name)):
            raise Problem(400, "HostNotAllowed", "This host is not among those that are answered (ALLOWED_HOSTS).")

    app.before_request(require_allowed_host)


def by_port_forward() -> bool:
    """Tell whether the browser has come by a port-forward, and not by a name that the internet knows."""
    return _name(request.host.lower()) in LOOPBACK


def _name(host: str) -> str:
    """Return the host without its port, or "" if the header is not well formed."""
    found = _HOST.fullmatch(host)
    if found is None or int(found[2] or 1) > 65535:
        return ""
    return found[1]


def _authority(target: str, host: str) -> str:
    """Return the host and port that a request's target names, or `host` if it names none.

    https://www.rfc-editor.org/rfc/rfc9112.html#section-3.2
    """
    return host if target.startswith("/") or target == "*" else urlsplit(target).netloc.lower()
