"""Faults on demand: each service fails as it was asked to, alone, and works again afterwards."""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from azure.identity import WorkloadIdentityCredential
from azure.servicebus import ServiceBusClient, ServiceBusMessage, TransportType
from azure.servicebus.exceptions import ServiceBusError, ServiceBusServerBusyError
from harness import MODEL
from harness.programs import running
from localcloud.authorization.model import TENANT_ID
from localcloud.faults import Fault, Kind
from localcloud.operator.client import ControlError, connect
from localcloud.testing import RunningCloud, reached_as_from_a_pod

BY_HTTPS = {
    "entra": f"https://login.microsoftonline.com/{TENANT_ID}/v2.0/.well-known/openid-configuration",
    "issuer": f"https://localcloud.oic.prod-aks.azure.com/{TENANT_ID}/00000000-0000-0000-0000-000000000001/openid/v1/jwks",
    "keyvault": "https://localcloud.vault.azure.net/secrets/alpha?api-version=2026-04-01",
    "cosmos": "https://localcloud.documents.azure.com/",
    "blob": "https://localcloud.blob.core.windows.net/files/name",
    "servicebus": "https://localcloud.servicebus.windows.net/plain",
}


@pytest.fixture(scope="module")
def http(cloud: RunningCloud) -> Iterator[httpx.Client]:
    with client_of(cloud) as client:
        yield client


def client_of(cloud: RunningCloud) -> httpx.Client:
    """Reaches Azure's names as a pod does."""
    context = cloud.cloud.certificates.client_context()
    return httpx.Client(proxy=cloud.cloud.proxy_url, verify=context, trust_env=False)


@contextlib.contextmanager
def fault(cloud: RunningCloud, service: str, kind: Kind, seconds: float = 1.0) -> Iterator[Fault]:
    """The service has the fault meanwhile."""
    begun = Fault(kind, seconds)
    cloud.loop.call_soon_threadsafe(cloud.cloud.faults.begin, service, begun)
    try:
        yield begun
    finally:
        cloud.loop.call_soon_threadsafe(cloud.cloud.faults.end, service)


@pytest.mark.parametrize("service", BY_HTTPS)
@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (Kind.DOWN, (httpx.RemoteProtocolError, httpx.ReadError, httpx.ProxyError)),
        (Kind.SILENT, httpx.ReadTimeout),
        (Kind.RESETTING, (httpx.RemoteProtocolError, httpx.ReadError)),
    ],
)
def test_a_connection_to_a_broken_service_ends_without_an_answer(
    cloud: RunningCloud, http: httpx.Client, service: str, kind: Kind, error: type[Exception]
) -> None:
    """Down, silent and resetting are what they say, on open and on new connections; the others work, and it again."""
    http.get(BY_HTTPS[service])
    with fault(cloud, service, kind) as begun:
        for _open_then_new in range(2):
            with pytest.raises(error):
                http.get(BY_HTTPS[service], timeout=0.3)
        for other in BY_HTTPS.keys() - {service}:
            assert http.get(BY_HTTPS[other]).status_code < 500
    assert begun.met
    assert http.get(BY_HTTPS[service]).status_code < 500


@pytest.mark.parametrize(
    ("service", "kind", "status", "header", "code"),
    [
        ("entra", Kind.THROTTLING, 429, "retry-after", "temporarily_unavailable"),
        ("issuer", Kind.THROTTLING, 429, "retry-after", "too many requests"),
        ("keyvault", Kind.THROTTLING, 429, "retry-after", "Throttled"),
        ("cosmos", Kind.THROTTLING, 429, "x-ms-retry-after-ms", "Request rate is large"),
        ("blob", Kind.THROTTLING, 503, None, "ServerBusy"),
        ("servicebus", Kind.THROTTLING, 429, "retry-after", "too many requests"),
        ("entra", Kind.FAILING, 503, None, "AADSTS90033"),
        ("issuer", Kind.FAILING, 503, None, "temporarily unavailable"),
        ("keyvault", Kind.FAILING, 503, None, "ServiceUnavailable"),
        ("cosmos", Kind.FAILING, 503, None, "ServiceUnavailable"),
        ("blob", Kind.FAILING, 500, None, "InternalError"),
        ("servicebus", Kind.FAILING, 503, None, "temporarily unavailable"),
    ],
)
def test_a_service_that_refuses_says_so_in_its_own_words(
    cloud: RunningCloud, http: httpx.Client, service: str, kind: Kind, status: int, header: str | None, code: str
) -> None:
    """Too many requests, and the service's own failure, are answered as this service answers them."""
    with fault(cloud, service, kind, seconds=3) as begun:
        answer = http.get(BY_HTTPS[service])
    assert (answer.status_code, begun.met) == (status, 1)
    assert code in answer.text
    assert header is None or answer.headers[header] in ("3", "3000")


def test_a_slow_service_answers_late(cloud: RunningCloud, http: httpx.Client) -> None:
    """The answer is the service's own, and comes no sooner than asked for."""
    quick = http.get(BY_HTTPS["keyvault"]).status_code
    began = time.monotonic()
    with fault(cloud, "keyvault", Kind.SLOW, seconds=0.3):
        answer = http.get(BY_HTTPS["keyvault"])
    assert answer.status_code == quick
    assert time.monotonic() - began >= 0.3


def test_what_a_resetting_service_was_asked_for_is_done(
    cloud: RunningCloud, http: httpx.Client, credential: Callable[[str], WorkloadIdentityCredential]
) -> None:
    """The blob is there, though its uploader was never told."""
    url = f"{cloud.blob_url}/files/{time.monotonic_ns()}"
    token = credential("owner").get_token("https://storage.azure.com/.default").token
    headers = {"authorization": f"Bearer {token}", "x-ms-version": "2026-10-06"}
    with fault(cloud, "blob", Kind.RESETTING), pytest.raises(httpx.TransportError):
        http.put(url, headers={**headers, "x-ms-blob-type": "BlockBlob"}, content=b"done")
    assert http.get(url, headers=headers).content == b"done"


@pytest.fixture
def servicebus(
    cloud: RunningCloud, credential: Callable[[str], WorkloadIdentityCredential]
) -> Iterator[ServiceBusClient]:
    with ServiceBusClient(
        cloud.namespace,
        credential("owner"),
        transport_type=TransportType.Amqp,
        custom_endpoint_address=cloud.amqp_endpoint,
        connection_verify=cloud.ca_bundle,
        retry_total=0,
        try_timeout=1,
    ) as client:
        yield client


@pytest.mark.parametrize(
    ("kind", "error", "arrives"),
    [
        (Kind.DOWN, ServiceBusError, False),
        (Kind.SILENT, ServiceBusError, False),
        (Kind.RESETTING, ServiceBusError, True),
        (Kind.SLOW, None, True),
        (Kind.THROTTLING, ServiceBusServerBusyError, False),
        (Kind.FAILING, ServiceBusError, False),
    ],
)
def test_a_sender_meets_what_the_broker_was_told(
    cloud: RunningCloud, servicebus: ServiceBusClient, kind: Kind, error: type[Exception] | None, arrives: bool
) -> None:
    """On an open link each fault is the SDK's own error; only what was reset or slow has arrived; it works again."""
    with servicebus.get_queue_receiver("jobs", receive_mode="receiveanddelete") as receiver:
        while receiver.receive_messages(100, max_wait_time=0.2):
            pass
    with servicebus.get_queue_sender("jobs") as sender:
        sender.send_messages(ServiceBusMessage("before"))
        with fault(cloud, "servicebus", kind, seconds=0.1) as begun:
            with pytest.raises(error) if error else contextlib.nullcontext():
                sender.send_messages(ServiceBusMessage("meanwhile"))
            assert begun.met
    with servicebus.get_queue_sender("jobs") as sender:
        sender.send_messages(ServiceBusMessage("after"))
    with servicebus.get_queue_receiver("jobs", receive_mode="receiveanddelete") as receiver:
        there: list[str] = []
        while "after" not in there:
            there += map(str, receiver.receive_messages(10, max_wait_time=0.2))
    assert there == (["before", "meanwhile", "after"] if arrives else ["before", "after"])


def test_a_token_of_entras_last_key_is_good_until_the_next_rotation(start_cloud: Callable[..., RunningCloud]) -> None:
    """After one rotation the services take tokens of both keys, after another those of the first key no more."""
    cloud = start_cloud(MODEL)
    with reached_as_from_a_pod(cloud), client_of(cloud) as http:

        def status(token: str) -> int:
            return http.get(BY_HTTPS["keyvault"], headers={"authorization": f"Bearer {token}"}).status_code

        def token() -> str:
            with WorkloadIdentityCredential(**cloud.workload_identity("reader")) as fresh:
                return fresh.get_token("https://vault.azure.net/.default").token

        first = token()
        good = status(first)
        cloud.cloud.rotate_entra_key()
        second = token()
        assert [status(first), status(second)] == [good, good] != [401, 401]
        cloud.cloud.rotate_entra_key()
        assert [status(first), status(second), status(token())] == [401, good, good]


def test_the_operator_asks_for_faults(azurite: Path) -> None:
    """`localcloud fault`, `faults`, `clock` and `federation` change what they say, and a mistake is a sentence."""
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, running(Path(folder), azurite) as cloud:

        def localcloud(*arguments: str) -> str:
            command = [sys.executable, "-m", "localcloud", *arguments, "--state", folder]
            run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
            return run.stdout + run.stderr

        wait_for_the_socket(Path(folder))
        localcloud("fault", "cosmos", "throttling", "--seconds", "2")
        localcloud("clock", "-30")
        assert "cosmos       throttling, met 0 times" in localcloud("faults")
        assert "Azure's clock is -30 seconds ahead" in localcloud("faults")
        localcloud("fault", "cosmos", "none")
        localcloud("rotate-entra-key")
        assert "cosmos       works" in localcloud("faults")
        assert "by federated credentials and by identity bindings" in localcloud("federation", "both")
        assert "invalid choice: 'secrets'" in localcloud("federation", "secrets")
        assert "there is no service redis: there are entra" in localcloud("fault", "redis", "down")
        assert "kind: Input should be 'down'" in localcloud("fault", "blob", "tired")
        cloud.terminate()
        cloud.communicate(timeout=30)


def wait_for_the_socket(folder: Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(ControlError), connect(folder) as control:
            control.get("/faults").raise_for_status()
            return
        time.sleep(0.05)
