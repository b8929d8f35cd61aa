"""Forged, borrowed and malformed requests of a browser's user, or of another site's page."""

import http.client
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlsplit

import httpx
import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeSerializer

from tests.faults.application import Application
from tests.faults.customers import Customer

COOKIE = "keyless"
SCRIPT = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'{{7*7}}"
ORDER = {"product": "forged", "quantity": "1"}


@dataclass(frozen=True)
class Victim:
    """A customer with a receipted order, whose URL is `path`."""

    customer: Customer
    path: str

    @property
    def cookie(self) -> str:
        return str(self.customer.client.cookies[COOKIE])

    @property
    def reference(self) -> str:
        return self.path.rpartition("/")[2]


@pytest.fixture(scope="module")
def victim(application: Application) -> Victim:
    customer = Customer(application.url)
    customer.place()
    customer.receipts()
    return Victim(customer, next(iter(customer.orders.values())))


@pytest.fixture
def stranger(application: Application) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=application.url, headers={"Accept": "application/json"}, trust_env=False) as client:
        yield client


def test_a_forged_session_is_a_new_customers(victim: Victim, stranger: httpx.Client) -> None:
    """With the victim's cookie changed, cut, unsigned or signed with another key, a client sees none of its orders."""
    payload, *rest = victim.cookie.rsplit(".", 2)
    session = {"customer": victim.customer.id, "_permanent": True}
    forged = {
        "unsigned": payload,
        "signed with nothing": f"{payload}.{rest[0]}.",
        "signed with another key": signed(session, "another key"),
        "signed with no key": signed(session, ""),
        "cut": victim.cookie[:-1],
        "longer": victim.cookie + "A",
        "another customer's": "x" + victim.cookie,
        "a reference": victim.reference,
        "no text": "\x80" * 10,
        "very long": "A" * 4000,
    } | {f"changed at {at}": flipped(victim.cookie, at) for at in range(0, len(victim.cookie) - 1, 7)}
    for kind, cookie in forged.items():
        answer = stranger.get("/orders", headers={"Cookie": f"{COOKIE}={cookie}".encode("latin-1")})
        assert (kind, answer.status_code, answer.json()["orders"]) == (kind, 200, [])


def test_a_forged_reference_leads_nowhere(victim: Victim, stranger: httpx.Client) -> None:
    """A reference that was changed anywhere, made with another key, or borrowed from another purpose, is a 404."""
    order, customer = next(iter(victim.customer.orders)), victim.customer.id
    forged = [
        URLSafeSerializer("another key", salt="order reference").dumps([customer, order, "0" * 64, "2026-01-01"]),
        victim.cookie,
        order,
        f"{customer}.{order}",
        *(flipped(victim.reference, at) for at in range(0, len(victim.reference) - 1, 5)),
    ]
    for reference in forged:
        for path in (f"/orders/{reference}", f"/orders/{reference}/receipt"):
            assert (path, stranger.get(path).status_code) == (path, 404)


def test_a_forged_continuation_is_refused(victim: Victim, stranger: httpx.Client) -> None:
    """A continuation is signed too: a client that changes it reads nothing."""
    for continuation in ("x", victim.reference, victim.cookie, "1", "' OR 1=1 --", "\x00"):
        answer = stranger.get("/orders", params={"continuation": continuation})
        assert 400 <= answer.status_code < 500 or answer.json()["orders"] == []


def test_another_sites_page_places_no_order(application: Application, victim: Victim) -> None:
    """What a page may send without asking (a form, plain text) needs the session's own token; JSON it may not send."""
    page = victim.customer.client.get("/orders", headers={"Accept": "text/html"}).text
    (token,) = set(re.findall(r'name="csrf_token" value="([^"]+)"', page))
    with httpx.Client(base_url=application.url, trust_env=False) as browser:
        browser.get("/orders")
        attempts = [
            browser.post("/orders", data=ORDER),
            browser.post("/orders", data=ORDER | {"csrf_token": token}),  # the victim's, under another session
            browser.post("/orders", data=ORDER | {"csrf_token": ""}),
            browser.post("/orders", content=b'{"product": "x", "quantity": 1}', headers={"Content-Type": "text/plain"}),
            browser.post("/orders", content=b'{"product": "x", "quantity": 1}'),
            browser.post("/orders", files={"product": b"x"}),
            browser.post("/identity/attempts/keyvault", data={}),
        ]
        assert {400 <= answer.status_code < 500 for answer in attempts} == {True}
        assert browser.get("/orders", headers={"Accept": "application/json"}).json()["orders"] == []


def test_what_a_customer_writes_is_never_markup(application: Application) -> None:
    """A product and a note full of markup come back as text, on every page and in every problem; no script may run."""
    customer = Customer(application.url)
    order = {"product": SCRIPT, "quantity": 1, "note": SCRIPT}
    path = customer.client.post("/orders", json=order).raise_for_status().headers["location"]
    customer.orders[path] = path
    pages = ["/orders", path, f"{path}/receipt", f"/orders/{SCRIPT}", f"/orders?continuation={SCRIPT}"]
    for url in pages:
        answer = customer.client.get(url, headers={"Accept": "text/html"})
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text
        assert "49" not in re.findall(r"'(\d+)", unescape(answer.text)), "a template was made of it"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


@pytest.mark.parametrize(
    "target",
    [
        "/orders/../identity",
        "/orders/..%2f..%2fetc/passwd",
        "//orders//",
        "/orders/%00",
        "/orders/%ff%fe",
        "/static/../bootstrap.py",
        "/static/%2e%2e/%2e%2e/bootstrap.py",
        "/static/..%5c..%5cbootstrap.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/.git/config",
        "/orders;/../healthz",
        "http://keyless.vault.azure.net/secrets",
        "*",
        "/" + "a/" * 4000,
    ],
)
def test_a_tricky_path_leads_nowhere(application: Application, target: str) -> None:
    """The application answers with its own status: no file, no other page, and no 500."""
    where = urlsplit(application.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=10)
    connection.putrequest("GET", target)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read().decode(errors="replace")
    connection.close()
    assert answer.status in {308, 400, 404, 414, 431}
    assert "root:" not in body
    assert "import " not in body


def signed(session: dict[str, object], key: str) -> str:
    """A session as Flask signs it, with a key of the forger's."""
    app = Flask(__name__)
    app.secret_key = key or "\x00"
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    return str(serializer.dumps(session))


def flipped(text: str, at: int) -> str:
    """The text with another letter there."""
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
