"""The queue's counts over HTTPS, as KEDA and the real administration client read them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from azure.core.exceptions import ClientAuthenticationError, ResourceNotFoundError
from azure.servicebus import ServiceBusClient, ServiceBusMessage, TransportType
from azure.servicebus.management import ServiceBusAdministrationClient
from harness.servicebus import NAMESPACE, RunningBroker, access_model, many_of, token
from localcloud.servicebus.routes import servicebus

QUEUES: dict[str, dict[str, Any]] = {
    "Orders": {},
    "plain": {},
    "chained": {"forwardTo": "plain", "forwardDeadLetteredMessagesTo": "Orders"},
    "ordered": {"requiresSession": True},
    "topics": {"news": {"subscriptions": {"all": {}}}},
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    running = RunningBroker(tmp_path_factory.mktemp("administration"), QUEUES)
    running.model = access_model(QUEUES, receiver=["Queue Reader"])
    yield running
    running.close()


@pytest.fixture
def ask(broker: RunningBroker) -> Callable[..., httpx.Response]:
    """Sends a request to the administration's application, with a token or without one."""

    async def send(method: str, path: str, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(servicebus(broker.guard, broker.broker))
        async with httpx.AsyncClient(transport=transport, base_url=f"https://{NAMESPACE}") as client:
            return await client.request(method, path, headers=headers)

    def asked(path: str, workload: str | None = None, method: str = "GET") -> httpx.Response:
        headers = {"Authorization": f"Bearer {token(workload)}"} if workload else {}
        return broker.run(send(method, path, headers))

    return asked


def test_the_administration_client_reads_a_queue(cloud: Any, credential: Callable[[str], Any]) -> None:
    """Properties and counts of the real queue, under Azure's own name, with a workload's own token."""
    client = ServiceBusClient(
        cloud.namespace,
        credential("owner"),
        custom_endpoint_address=cloud.amqp_endpoint,
        transport_type=TransportType.Amqp,
        connection_verify=cloud.ca_bundle,
    )
    administration = ServiceBusAdministrationClient(cloud.namespace, credential("owner"))
    before = administration.get_queue_runtime_properties("jobs")
    with client, client.get_queue_sender("jobs") as sender, client.get_queue_receiver("jobs") as receiver:
        sender.send_messages([ServiceBusMessage(str(number)) for number in range(3)])
        sender.schedule_messages(ServiceBusMessage("later"), datetime.now(UTC) + timedelta(hours=1))
        receiver.dead_letter_message(many_of(receiver, 1)[0])
    after = administration.get_queue_runtime_properties("jobs")

    def grown(name: str) -> int:
        return int(getattr(after, name) - getattr(before, name))

    assert (grown("active_message_count"), grown("dead_letter_message_count")) == (2, 1)
    assert (grown("scheduled_message_count"), grown("total_message_count")) == (1, 4)
    assert grown("size_in_bytes") > 0
    properties = administration.get_queue("jobs")
    assert (properties.name, properties.max_delivery_count) == ("jobs", 3)
    assert properties.requires_duplicate_detection
    assert properties.lock_duration == timedelta(seconds=5)
    assert properties.default_message_time_to_live == timedelta(days=14)
    assert properties.duplicate_detection_history_time_window == timedelta(minutes=10)
    assert not properties.dead_lettering_on_message_expiration


def test_the_administration_client_tells_what_is_missing(cloud: Any, credential: Callable[[str], Any]) -> None:
    """No grant is a ClientAuthenticationError, no queue a ResourceNotFoundError: the SDK's own."""
    with pytest.raises(ClientAuthenticationError, match="Manage,EntityRead claims required for this operation"):
        ServiceBusAdministrationClient(cloud.namespace, credential("writer")).get_queue("jobs")
    with pytest.raises(ResourceNotFoundError):
        ServiceBusAdministrationClient(cloud.namespace, credential("owner")).get_queue("nowhere")


def test_a_reader_of_counts_needs_no_other_right(ask: Callable[..., httpx.Response]) -> None:
    """KEDA's role: `queues/read` and no message. Names compare without case; the answer has the queue's spelling."""
    answer = ask("/ORDERS?api-version=2021-05", "receiver")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/atom+xml")
    assert ">Orders</" in answer.text
    assert "ActiveMessageCount>0</" in answer.text
    assert ask("/orders/$DeadLetterQueue", "receiver").status_code == 200


def test_a_description_says_what_a_queue_requires_and_where_it_forwards(ask: Callable[..., httpx.Response]) -> None:
    """Whether it requires sessions, and the addresses of its destinations."""
    assert "RequiresSession>true</" in ask("/ordered", "receiver").text
    chained = ask("/chained", "receiver").text
    assert "RequiresSession>false</" in chained
    assert f"ForwardTo>https://{NAMESPACE}/plain</" in chained
    assert f"ForwardDeadLetteredMessagesTo>https://{NAMESPACE}/Orders</" in chained


@pytest.mark.parametrize(
    ("path", "workload", "method", "status", "detail"),
    [
        ("/orders", None, "GET", 401, "claim is empty or token is invalid."),
        ("/nowhere", None, "GET", 401, "claim is empty or token is invalid."),
        ("/orders", "sender", "GET", 401, "Manage,EntityRead claims required for this operation."),
        ("/nowhere", "receiver", "GET", 404, "No service is hosted at the specified address."),
        ("/", "receiver", "GET", 404, "No service is hosted at the specified address."),
        ("/news", "receiver", "GET", 501, "Topics and subscriptions are not described over HTTPS."),
        ("/news/subscriptions/all", "receiver", "GET", 501, "Topics and subscriptions are not described over HTTPS."),
        ("/orders", "receiver", "PUT", 405, "The specified HTTP verb is not supported."),
    ],
)
def test_errors_are_service_bus_own(
    ask: Callable[..., httpx.Response], path: str, workload: str | None, method: str, status: int, detail: str
) -> None:
    """XML with the code and a detail, whatever was asked."""
    answer = ask(path, workload, method)
    assert answer.status_code == status
    assert answer.text.startswith(f"<Error><Code>{status}</Code><Detail>{detail} TrackingId:")
