"""The hosts that the frontend answers. Requests are sent as bytes on a real connection."""

import json
from collections.abc import Iterator

import pytest

from tests.infra.manifests import named, outputs, rendered
from tests.unit.frontend.server import Server, served

ALLOWED = "localhost,127.0.0.1,[::1],Frontend.Keyless,orders.example.com"
HOSTS = {
    "localhost": True,
    "localhost:8080": True,
    "LocalHost:1": True,
    "127.0.0.1:65535": True,
    "[::1]": True,
    "[::1]:8080": True,
    "frontend.keyless:8080": True,
    "orders.example.com": True,
    "  localhost  ": True,
    "": False,
    "evil.example": False,
    "evil.example:8080": False,
    "localhost.evil.example": False,
    "evil.example.localhost": False,
    "xlocalhost": False,
    "orders.example.com.evil.example": False,
    "evil-orders.example.com": False,
    "example.com": False,
    ".example.com": False,
    "*": False,
    "localhost.": False,
    "localhost..": False,
    "local_host": False,
    "local host": False,
    "localhost evil.example": False,
    "localhost, evil.example": False,
    "localhost,localhost": False,
    "localhost;evil.example": False,
    "localhost/": False,
    "localhost/@evil.example": False,
    "localhost#evil.example": False,
    "localhost?": False,
    "localhost\\evil.example": False,
    "user@localhost": False,
    "user:password@localhost": False,
    "localhost@evil.example": False,
    "http://localhost": False,
    "//localhost": False,
    "localhost:": False,
    "localhost:0": False,
    "localhost:08080": False,
    "localhost:65536": False,
    "localhost:99999": False,
    "localhost:8080:8080": False,
    "localhost:-1": False,
    "localhost:+80": False,
    "localhost:80a": False,
    "localhost:8 0": False,
    "localhost:\u0661": False,
    "localhost%00": False,
    "%6cocalhost": False,
    "l\u00f6calhost": False,
    "127.0.0.2": False,
    "127.1": False,
    "0x7f.0.0.1": False,
    "2130706433": False,
    "0.0.0.0": False,  # noqa: S104
    "10.244.1.7:8080": False,
    "::1": False,
    "[::1": False,
    "::1]": False,
    "[::2]": False,
    "[::1%25lo]": False,
    "[::ffff:127.0.0.1]": False,
    "[localhost]": False,
}
ADDRESSES = {"127.0.0.2", "0.0.0.0", "10.244.1.7:8080", "[::2]", "[::ffff:127.0.0.1]"}  # noqa: S104
PATHS = ("/orders", "/identity", "/openapi.json", "/static/workload/key.svg", "/nowhere", "/healthz", "/readyz")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with served(ALLOWED_HOSTS=ALLOWED) as running:
        yield running


def ask(server: Server, *lines: str, version: str = "1.1") -> tuple[int, bytes]:
    """Send these lines, the first one without its HTTP version; return the answer's status and body."""
    target, *headers = lines
    request = "\r\n".join([f"{target} HTTP/{version}", *headers, "Connection: close", "", ""])
    head, _, body = server.ask(request.encode()).partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize("host", HOSTS)
def test_only_allowed_hosts_are_answered(server: Server, host: str) -> None:
    """An allowed host is served with any port. Every other is a 400, except an address that asks for health."""
    statuses = {path: ask(server, f"GET {path}", f"Host: {host}")[0] for path in PATHS}
    posted, _ = ask(server, "POST /identity/attempts/blob", f"Host: {host}", "Content-Length: 0")
    if HOSTS[host]:
        assert statuses == dict.fromkeys(PATHS, 200) | {"/nowhere": 404}
        return
    if host in ADDRESSES:
        assert (statuses.pop("/healthz"), statuses.pop("/readyz")) == (200, 200)
    assert set(statuses.values()) == {posted} == {400}


def test_a_refusal_is_a_problem_that_names_the_setting(server: Server) -> None:
    """The problem names the setting, and does not repeat the host that was sent."""
    status, body = ask(server, "GET /orders", "Host: evil.example")
    assert (status, json.loads(body)["type"]) == (400, "urn:keyless:problem:HostNotAllowed")
    assert "ALLOWED_HOSTS" in json.loads(body)["detail"]
    assert b"evil" not in body


@pytest.mark.parametrize(
    ("lines", "version", "status"),
    [
        (["GET /orders"], "1.1", 400),
        (["GET /orders"], "1.0", 400),
        (["GET /healthz"], "1.0", 400),
        (["GET /orders", "Host: localhost"], "1.0", 200),
        (["GET /orders", "Host: localhost", "Host: localhost"], "1.1", 400),
        (["GET /orders", "Host: localhost", "Host: evil.example"], "1.1", 400),
        (["GET /orders", "Host: evil.example", "Host: localhost"], "1.1", 400),
        (["GET /orders", "Host: localhost", "hOST: evil.example"], "1.0", 400),
        (["GET /orders", "Host : localhost"], "1.1", 400),
        (["GET /orders", "Host: localhost", " evil.example"], "1.1", 400),
        (["GET /orders", "Host: evil.example", "X-Forwarded-Host: localhost"], "1.1", 400),
        (["GET /orders", "Host: evil.example", "Forwarded: host=localhost"], "1.1", 400),
        (["GET /orders", "Host: localhost", "X-Forwarded-Host: evil.example"], "1.1", 200),
        (["GET http://localhost:8080/orders", "Host: localhost:8080"], "1.1", 200),
        (["GET HTTP://LOCALHOST/orders", "Host: localhost"], "1.1", 200),
        (["GET http://evil.example/orders", "Host: localhost"], "1.1", 400),
        (["GET http://localhost/orders", "Host: evil.example"], "1.1", 400),
        (["GET http://evil.example/orders", "Host: evil.example"], "1.1", 400),
        (["GET http://127.0.0.1/orders", "Host: localhost"], "1.1", 400),
        (["GET http://localhost:81/orders", "Host: localhost:80"], "1.1", 400),
        (["GET http://user@localhost/orders", "Host: localhost"], "1.1", 400),
        (["GET https://evil.example/healthz", "Host: localhost"], "1.1", 400),
        (["GET http:///orders", "Host: localhost"], "1.1", 400),
        (["GET //evil.example/orders", "Host: localhost"], "1.1", 404),
        (["GET evil.example/orders", "Host: localhost"], "1.1", 400),
        (["CONNECT evil.example:443", "Host: localhost"], "1.1", 400),
        (["CONNECT localhost:443", "Host: localhost:443"], "1.1", 400),
        (["OPTIONS *", "Host: evil.example"], "1.1", 400),
    ],
)
def test_a_request_names_its_host_once(server: Server, lines: list[str], version: str, status: int) -> None:
    """A request with no host, with two, with a folded one, or with a target that names another host is a 400."""
    assert ask(server, *lines, version=version)[0] == status


def test_by_default_this_machine_alone_is_answered() -> None:
    """Without the setting, the frontend answers requests for localhost and its addresses only."""
    with served() as server:
        for host in ("localhost:8080", "127.0.0.1:8080", "[::1]:8080"):
            assert ask(server, "GET /identity", f"Host: {host}")[0] == 200
        for host in ("frontend.keyless", "orders.example.com", "10.0.0.1"):
            assert ask(server, "GET /identity", f"Host: {host}")[0] == 400


@pytest.mark.parametrize("overlay", ["local", "kind", "aks", "aks-exposed", "aks-everything", "eks"])
def test_each_overlay_allows_those_who_call(overlay: str) -> None:
    """Each overlay allows a port-forward, the smoke test's URL and, if there is a Gateway, its host name."""
    [container] = named(overlay, "Deployment", "frontend")["spec"]["template"]["spec"]["containers"]
    [allowed] = [variable["value"] for variable in container["env"] if variable["name"] == "ALLOWED_HOSTS"]
    [smoke] = [item for item in rendered("smoke") if item["kind"] == "Job"]
    [url] = [
        variable["value"]
        for variable in smoke["spec"]["template"]["spec"]["containers"][0]["env"]
        if variable["name"] == "KEYLESS_URL"
    ]
    exposed = [outputs(overlay)["hostname"]] if overlay in ("aks-exposed", "aks-everything") else []
    host = url.removeprefix("http://").removesuffix(":8080")
    assert allowed.split(",") == ["localhost", "127.0.0.1", "[::1]", host, *exposed]
