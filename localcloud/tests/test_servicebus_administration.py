"""The queue's counts over HTTPS, as KEDA and the real administration client read them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from azure.core.exceptions import ClientAuthenticationError, ResourceNotFoundError
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSender, TransportType
from azure.servicebus.management import (
    CorrelationRuleFilter,
    FalseRuleFilter,
    ServiceBusAdministrationClient,
    SqlRuleFilter,
    TrueRuleFilter,
)
from harness.servicebus import NAMESPACE, RunningBroker, access_model, many_of, token
from localcloud.authorization.workload import Grant
from localcloud.servicebus.routes import servicebus

ATOM = {"a": "http://www.w3.org/2005/Atom"}
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
    running.model = access_model(QUEUES, receiver=["Queue Reader"], administrator=["Reader"])
    running.model.workloads["administrator"] = running.model.workloads["administrator"].model_copy(
        update={"grants": (Grant(role="Reader", scope="serviceBus/*"),)}
    )
    yield running
    running.close()


@pytest.fixture
def ask(broker: RunningBroker) -> Callable[..., httpx.Response]:
    """Sends a request to the administration's application, with a token or without one."""

    async def send(method: str, path: str, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(servicebus(broker.guard, broker.broker))
        async with httpx.AsyncClient(transport=transport, base_url=f"https://{NAMESPACE}") as client:
            return await client.request(method, path, headers=headers)

    def asked(path: str, workload: str | None = None, method: str = "GET", scheme: str = "Bearer ") -> httpx.Response:
        headers = {"Authorization": f"{scheme}{token(workload)}"} if workload else {}
        return broker.run(send(method, path, headers))

    return asked


def test_the_administration_client_reads_a_queue(cloud: Any, credential: Callable[[str], Any]) -> None:
    """Properties and counts of the real queue, under Azure's own name, with a workload's own token."""
    client = messaging(cloud, credential("owner"))
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


def test_the_administration_client_reads_a_topic(cloud: Any, credential: Callable[[str], Any]) -> None:
    """Its properties, its subscriptions with their counts, and their rules, as the access file declares them."""
    administration = ServiceBusAdministrationClient(cloud.namespace, credential("contributor"))
    topic = administration.get_topic("news")
    assert (topic.name, topic.default_message_time_to_live) == ("news", timedelta(days=14))
    assert administration.get_topic_runtime_properties("News").subscription_count == 2
    subscription = administration.get_subscription("news", "some")
    assert (subscription.name, subscription.max_delivery_count, subscription.requires_session) == ("some", 7, False)
    assert subscription.dead_lettering_on_filter_evaluation_exceptions
    assert subscription.forward_dead_lettered_messages_to == f"https://{cloud.namespace}/other"
    assert [each.name for each in administration.list_subscriptions("news")] == ["all", "some"]
    with sender(cloud, credential("data-owner"), "news") as news:
        news.send_messages(ServiceBusMessage("one"))
    counts = administration.get_subscription_runtime_properties("news", "all")
    assert (counts.active_message_count, counts.dead_letter_message_count, counts.total_message_count) == (1, 0, 1)
    assert [each.active_message_count for each in administration.list_subscriptions_runtime_properties("news")] == [
        1,
        0,
    ]

    rules = {each.name: each for each in administration.list_rules("news", "some")}
    assert list(rules) == ["urgent", "eu", "none"]
    assert isinstance(rules["urgent"].filter, SqlRuleFilter)
    assert rules["urgent"].filter.sql_expression == "priority > 5"
    assert rules["urgent"].action is not None
    assert rules["urgent"].action.sql_expression == "SET handled = 'here'"
    assert isinstance(rules["eu"].filter, CorrelationRuleFilter)
    assert (rules["eu"].filter.label, rules["eu"].filter.properties) == ("eu", {"country": "fr", "size": 3})
    assert isinstance(rules["none"].filter, FalseRuleFilter)
    assert isinstance(administration.get_rule("news", "all", "$Default").filter, TrueRuleFilter)


def test_a_role_of_messages_reads_subscriptions_and_no_rules(cloud: Any, credential: Callable[[str], Any]) -> None:
    """Azure Service Bus Data Receiver holds the right to read topics and subscriptions, on its topic alone."""
    administration = ServiceBusAdministrationClient(cloud.namespace, credential("owner"))
    assert administration.get_topic("news").name == "news"
    assert administration.get_subscription("news", "all").name == "all"
    with pytest.raises(ClientAuthenticationError, match="Manage,EntityRead claims required"):
        list(administration.list_rules("news", "all"))
    with pytest.raises(ClientAuthenticationError, match="Manage,EntityRead claims required"):
        list(administration.list_topics())


def test_the_administration_client_lists_entities(cloud: Any, credential: Callable[[str], Any]) -> None:
    """All queues and all topics, to whom may read the whole namespace."""
    administration = ServiceBusAdministrationClient(cloud.namespace, credential("contributor"))
    assert [queue.name for queue in administration.list_queues()] == ["jobs", "other"]
    assert [topic.name for topic in administration.list_topics()] == ["news"]
    assert [queue.name for queue in administration.list_queues_runtime_properties()] == ["jobs", "other"]


def test_a_long_list_comes_in_parts(ask: Callable[..., httpx.Response]) -> None:
    """Each part names the address of the next one, and the last none."""
    entries, path = [], "/$Resources/queues?$skip=0&$top=3&api-version=2021-05"
    while path:
        feed = ElementTree.fromstring(ask(path, "administrator").content)  # noqa: S314 - our own
        entries += [entry.findtext("a:title", None, ATOM) for entry in feed.findall("a:entry", ATOM)]
        following = feed.find("a:link[@rel='next']", ATOM)
        path = "" if following is None else following.attrib["href"].removeprefix(f"https://{NAMESPACE}")
    assert entries == [name for name in QUEUES if name != "topics"]


def test_a_token_without_a_scheme_is_taken(ask: Callable[..., httpx.Response]) -> None:
    """Java's administration client sends the token by itself; another scheme than Bearer is no token."""
    assert ask("/orders", "receiver", scheme="").status_code == 200
    assert ask("/orders", "receiver", scheme="Basic ").status_code == 401


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
        ("/news", "receiver", "GET", 401, "Manage,EntityRead claims required for this operation."),
        ("/news/subscriptions", "receiver", "GET", 401, "Manage,EntityRead claims required for this operation."),
        ("/news/subscriptions/all", "receiver", "GET", 401, "Manage,EntityRead claims required for this operation."),
        ("/$Resources/queues", "receiver", "GET", 401, "Manage,EntityRead claims required for this operation."),
        ("/$Resources/queues", None, "GET", 401, "claim is empty or token is invalid."),
        ("/$Resources/queues?$skip=-1", "administrator", "GET", 400, "$skip and $top are whole numbers, and not"),
        ("/$Resources/queues?$top=all", "administrator", "GET", 400, "$skip and $top are whole numbers, and not"),
        ("/$Resources/relays", "administrator", "GET", 404, "No service is hosted at the specified address."),
        ("/news/subscriptions/none", "administrator", "GET", 404, "No service is hosted at the specified address."),
        ("/news/subscriptions/all/rules/x", "administrator", "GET", 404, "No service is hosted at the"),
        ("/orders/subscriptions", "administrator", "GET", 404, "No service is hosted at the specified address."),
        ("/news/rules", "administrator", "GET", 404, "No service is hosted at the specified address."),
        ("/orders", "receiver", "PUT", 405, "The specified HTTP verb is not supported."),
    ],
)
def test_errors_are_service_bus_own(
    ask: Callable[..., httpx.Response], path: str, workload: str | None, method: str, status: int, detail: str
) -> None:
    """XML with the code and a detail, whatever was asked."""
    answer = ask(path, workload, method)
    assert answer.status_code == status
    assert answer.text.startswith(f"<Error><Code>{status}</Code><Detail>{detail}")
    assert " TrackingId:" in answer.text


def messaging(cloud: Any, credential: Any) -> ServiceBusClient:
    return ServiceBusClient(
        cloud.namespace,
        credential,
        custom_endpoint_address=cloud.amqp_endpoint,
        transport_type=TransportType.Amqp,
        connection_verify=cloud.ca_bundle,
    )


@contextmanager
def sender(cloud: Any, credential: Any, topic: str) -> Iterator[ServiceBusSender]:
    with messaging(cloud, credential) as client, client.get_topic_sender(topic) as made:
        yield made
