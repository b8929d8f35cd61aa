"""The dashboard: what it shows, and that it shows no token, changes nothing and answers this machine alone."""

import asyncio
import contextlib
import html
import itertools
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusReceiveMode, TransportType
from harness import MODEL
from harness.programs import run
from localcloud.authorization.model import client_id
from localcloud.dashboard.server import Dashboard
from localcloud.operator.advice import Advice
from localcloud.testing import RunningCloud, reached_as_from_a_pod

VAULT = "https://vault.azure.net"
PAGES = ("/", "/pods", "/tokens", "/accesses", "/accesses?only=denied", "/queues")


@dataclass(frozen=True)
class Shown:
    """A cloud with a dashboard, and the access token with which `reader` has read a secret and was denied another."""

    cloud: RunningCloud
    dashboard: Dashboard
    web: httpx.Client
    credential: WorkloadIdentityCredential

    def page(self, path: str) -> str:
        return html.unescape(self.web.get(path).raise_for_status().text)

    def refusal_of(self, scope: str) -> str:
        """The one refusal on the overview that names the scope."""
        (found,) = [
            each for each in re.findall(r"<li.*?</li>", self.page("/"), re.DOTALL) if f"on {scope} was denied" in each
        ]
        return str(found)

    def vault(self) -> SecretClient:
        return SecretClient(self.cloud.vault_url, self.credential)


@pytest.fixture(scope="module")
def shown(start_cloud: Callable[..., RunningCloud]) -> Iterator[Shown]:
    """A cloud and its dashboard."""
    cloud = start_cloud(MODEL, dashboard_port=0)
    dashboard = Dashboard(cloud.cloud, Advice(cloud.cloud.model, MODEL, cloud.cloud.issuers))

    def run_there(work: object) -> object:
        return asyncio.run_coroutine_threadsafe(work, cloud.loop).result(30)  # type: ignore[arg-type]

    with reached_as_from_a_pod(cloud), WorkloadIdentityCredential(**cloud.workload_identity("owner")) as credential:
        run_there(dashboard.start(None, None))
        cloud.set_secret("alpha", "open sesame")
        with httpx.Client(base_url=dashboard.url, trust_env=False) as web:
            yield Shown(cloud, dashboard, web, credential)
        run_there(dashboard.close())


def test_it_answers_reads_alone(shown: Shown) -> None:
    """Every other method is refused on every page, and a HEAD is answered as the GET without its body."""
    for path, method in itertools.product((*PAGES, "/changes"), ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")):
        assert shown.web.request(method, path).status_code == 405, (method, path)
    for path in (*PAGES, "/changes"):
        head = shown.web.head(path)
        assert (head.status_code, head.content) == (200, b""), path


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:{port}", 200),
        ("localhost:{port}", 200),
        ("localhost", 200),
        ("rebound.example:{port}", 400),
        ("127.0.0.1.rebound.example", 400),
        ("localhost.rebound.example:{port}", 400),
        ("0.0.0.0:{port}", 400),
        ("", 400),
    ],
)
def test_another_name_that_leads_here_is_refused(shown: Shown, host: str, status: int) -> None:
    """Only loopback's own names are answered, so that a page of another origin can't read it by DNS rebinding."""
    port = httpx.URL(shown.dashboard.url).port
    answer = shown.web.get("/accesses", headers={"Host": host.format(port=port)})
    assert answer.status_code == status
    assert ("Accesses" in answer.text) == (status == 200)


def test_it_listens_on_one_address_of_loopback(shown: Shown) -> None:
    """No other address of this machine answers, be it another one of loopback."""
    port = int(httpx.URL(shown.dashboard.url).port or 0)
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), 5)):
        pass
    with pytest.raises(OSError, match=r"refused|unreachable|assign"):
        socket.create_connection(("127.0.0.2", port), 5)


@pytest.mark.parametrize("path", [*PAGES, "/nothing", "/tokens/unknown", "/static/dashboard.css", "/static/nothing"])
def test_every_answer_has_the_headers_that_shut_others_out(shown: Shown, path: str) -> None:
    """No inline script or style, nothing from elsewhere, no frame around it, and nothing kept by the browser."""
    for answer in (shown.web.get(path), shown.web.post(path), shown.web.get(path, headers={"Host": "rebound.example"})):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_a_token_is_followed_from_its_exchange_to_its_accesses(shown: Shown) -> None:
    """The page of a `uti` has the pod, the identity, and each access of the token, allowed or denied."""
    vault = shown.vault()
    vault.get_secret("alpha")
    revoked = shown.cloud.revoke("owner", "Everything", "keyVault/beta")
    with shown.cloud.expects_denials(), revoked, pytest.raises(HttpResponseError):
        vault.get_secret("beta")
    uti = shown.cloud.accesses("owner")[-1].uti
    assert f"/tokens/{uti}" in shown.page("/tokens")
    page = shown.page(f"/tokens/{uti}")
    said = ("owner-0", "system:serviceaccount:test:owner", client_id("owner"), VAULT, "getSecret", "allowed", "denied")
    assert [each for each in said if each not in page] == []
    assert shown.web.get("/tokens", params={"uti": f" {uti} "}).headers["location"] == f"/tokens/{uti}"
    assert shown.web.get("/tokens/made-up").status_code == 404


def test_a_refusal_is_shown_with_its_fix_until_it_has_succeeded(shown: Shown) -> None:
    """Equal refusals are one, with the role and the scope to add; once the same access is allowed, it is over."""
    vault = shown.vault()
    with shown.cloud.expects_denials(), shown.cloud.revoke("owner", "Everything", "keyVault/alpha"):
        for _ in range(3):
            with pytest.raises(HttpResponseError):
                vault.get_secret("alpha")
        refusal = shown.refusal_of("keyVault/alpha")
        assert "× 3" in refusal
        assert ", scope: keyVault/alpha} to the workload owner in" in refusal
        assert 'class="state bad">refused' in refusal
    vault.get_secret("alpha")
    assert 'class="state quiet">over' in shown.refusal_of("keyVault/alpha")
    assert "keyVault/<wbr>alpha" in shown.page("/accesses?only=denied")


def test_dead_letters_are_looked_at_and_stay(shown: Shown) -> None:
    """The queue's page has their ids and reasons, and no body; they are there afterwards as they were."""
    with ServiceBusClient(
        shown.cloud.namespace,
        shown.credential,  # type: ignore[arg-type]
        custom_endpoint_address=shown.cloud.amqp_endpoint,
        transport_type=TransportType.Amqp,
        connection_verify=shown.cloud.ca_bundle,
    ) as client:
        with client.get_queue_sender("other") as sender:
            sender.send_messages(ServiceBusMessage("a body", message_id="<b>letter</b>"))
        with client.get_queue_receiver("other") as receiver:
            (message,) = receiver.receive_messages(max_wait_time=20)
            receiver.dead_letter_message(message, "Unreadable", "it is no order")
        for _ in range(2):
            source = shown.web.get("/queues").text
            assert "&lt;b&gt;letter&lt;/b&gt;" in source
            assert "Unreadable" in source
            assert "it is no order" in source
            assert "a body" not in source
        with client.get_queue_receiver(
            "other", sub_queue="deadletter", receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE
        ) as dead:
            (letter,) = dead.receive_messages(max_wait_time=20)
            assert letter.delivery_count == 1  # the receiver that dead-lettered it, and no look at it
        assert "Dead letters of" not in shown.page("/queues")


def test_no_token_is_ever_shown(shown: Shown) -> None:
    """Neither a workload's tokens, nor one that a caller puts where a name belongs, is on a page or in the trail."""
    access_token = shown.credential.get_token(f"{VAULT}/.default").token
    projected = shown.cloud.token_file("owner").read_text()
    trust = ssl.create_default_context(cafile=shown.cloud.ca_bundle)
    entra = httpx.Client(proxy=shown.cloud.cloud.proxy_url, verify=trust)
    placed = {"client_id": projected, "scope": f"{projected}/.default", "client_assertion": projected}
    fields = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_id": client_id("owner"),
        "scope": f"{VAULT}/.default",
        "client_assertion": projected,
    }
    endpoint = (
        f"https://login.microsoftonline.com/{shown.cloud.workload_identity('owner')['tenant_id']}/oauth2/v2.0/token"
    )
    with shown.cloud.expects_denials():
        for name, value in placed.items():
            entra.post(endpoint, data=fields | {name: value})
        entra.get(
            f"{shown.cloud.vault_url}/secrets/{access_token[:120]}?api-version=7.5",
            headers={"Authorization": f"Bearer {access_token}"},
        )
        entra.get(
            f"{shown.cloud.vault_url}/secrets/alpha?api-version=7.5", headers={"Authorization": f"Bearer {projected}"}
        )
    pages = [shown.page(path) for path in PAGES]
    pages += [shown.web.get(f"/tokens/{access_token}").text, shown.web.get("/tokens", params={"uti": projected}).text]
    for page, token in itertools.product(pages, (access_token, projected)):
        for part in token.split("."):
            assert part[:60] not in page
    assert any("(a token)" in page for page in pages)
    trail = (shown.cloud.cloud.settings.state / "audit.jsonl").read_text()
    assert [part for token in (access_token, projected) for part in token.split(".") if part[:60] in trail] == []


def test_a_change_is_told_at_once_and_a_stream_does_not_outlive_the_dashboard(shown: Shown) -> None:
    """An open page gets an event for an access, and an open page does not delay the end of the cloud."""
    other = Dashboard(shown.cloud.cloud, Advice(shown.cloud.cloud.model, MODEL, shown.cloud.cloud.issuers))
    asyncio.run_coroutine_threadsafe(other.start(None, None), shown.cloud.loop).result(30)
    with (
        httpx.stream("GET", f"{other.url}/changes", trust_env=False, timeout=30) as stream,
        ThreadPoolExecutor() as pool,
    ):
        lines = (line for line in stream.iter_lines() if line.startswith("data:"))
        assert next(lines) == "data: changed"
        told = pool.submit(next, lines)
        shown.vault().get_secret("alpha")
        assert told.result(30) == "data: changed"
        ended = pool.submit(list, lines)
        asyncio.run_coroutine_threadsafe(other.close(), shown.cloud.loop).result(30)
        assert "data: changed" not in ended.result(30)[1:]


def test_a_taken_port_costs_the_dashboard_its_address_and_nothing_else(tmp_path: Path, azurite: Path) -> None:
    """The terminal names the port, its setting and where the dashboard is instead, and the cloud runs."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LOCALCLOUD_DASHBOARD_PORT", str(port))
            process = run(tmp_path / "state", azurite)
        try:
            assert process.stdout is not None
            said = next(line for line in process.stdout if "the dashboard" in line)
            assert f"Port {port} on 127.0.0.1 (the dashboard) is taken" in said
            assert "LOCALCLOUD_DASHBOARD_PORT" in said
            url = said.partition("the dashboard is on ")[2].partition(". ")[0]
            assert httpx.get(url, trust_env=False).status_code == 200
        finally:
            process.kill()
            process.wait()
