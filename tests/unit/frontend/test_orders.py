"""Placing and following orders, through Flask's test client."""

import uuid

import pytest
from azure.cosmos.exceptions import CosmosHttpResponseError
from azure.servicebus.exceptions import ServiceBusConnectionError
from flask.testing import FlaskClient

from tests.unit.frontend.fakes import HTML, ORDER, FakeAzure, FakeOrders


def test_an_accepted_order_is_on_the_queue(client: FlaskClient, azure: FakeAzure) -> None:
    """202 means that Service Bus has the message, and the answer says where to follow the order."""
    answer = client.post("/orders", json=ORDER)
    assert answer.status_code == 202
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Location"] == f"/orders/{answer.json['reference']}" == answer.json["links"]["self"]
    assert answer.json["status"] == "accepted"
    [sent], [body] = azure.bus.messages, azure.bus.bodies()
    assert (body.order.product, body.order.quantity, body.orderId) == ("Brass key", 2, answer.json["orderId"])
    assert sent.message_id == body.message_id
    assert sent.content_type == "application/json"


def test_an_order_is_followed_from_accepted_to_receipted(client: FlaskClient, azure: FakeAzure) -> None:
    """A valid reference is 202 while there is no document, and 200 with the order's content once there is."""
    place = client.post("/orders", json=ORDER).headers["Location"]
    assert (client.get(place).status_code, client.get(place).headers["Retry-After"]) == (202, "1")
    azure.process(azure.bus.bodies()[0])
    done = client.get(place)
    assert done.status_code == 200
    assert done.json["status"] == "receipted"
    assert done.json["order"] == {"product": "Brass key", "quantity": 2, "note": ""}


def test_a_reference_is_enough(client: FlaskClient, azure: FakeAzure) -> None:
    """A reference can be followed without the session that it came from."""
    place = client.post("/orders", json=ORDER).headers["Location"]
    assert azure.app().test_client().get(place).status_code == 202


@pytest.mark.parametrize("reference", ["x", "WyJhIl0.c2ln", "%2e%2e"])
def test_a_reference_that_was_not_handed_out_is_not_found(client: FlaskClient, reference: str) -> None:
    """A made-up reference is 404, whether or not an order is on its way."""
    answer = client.get(f"/orders/{reference}")
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


def test_a_repeat_with_the_same_key_is_the_same_order(client: FlaskClient, azure: FakeAzure) -> None:
    """The same session, key and body make the same message id, so that the queue drops the repeat."""
    client.get("/orders")
    first, second = (client.post("/orders", json=ORDER, headers={"Idempotency-Key": "k 1"}) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert len({message.message_id for message in azure.bus.messages}) == 1
    assert len(client.get("/orders").json["orders"]) == 1


def test_keys_are_each_customers_own(client: FlaskClient, azure: FakeAzure) -> None:
    """The same key from two customers makes two orders."""
    other = azure.app().test_client()
    ids = set()
    for one in (client, other):
        one.get("/orders")
        ids.add(one.post("/orders", json=ORDER, headers={"Idempotency-Key": "k"}).json["orderId"])
    assert len(ids) == 2


def test_a_key_without_a_session_is_refused(client: FlaskClient, azure: FakeAzure) -> None:
    """Without the session a repeat would silently become another order, so the answer says what to send."""
    answer = client.post("/orders", json=ORDER, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 400
    assert "session cookie" in answer.json["detail"]
    assert azure.bus.messages == []


@pytest.mark.parametrize("key", ["", "x" * 256, "schlüssel"])
def test_an_ill_formed_key_is_refused(client: FlaskClient, key: str) -> None:
    """A key is 1 to 255 printable ASCII characters."""
    client.get("/orders")
    answer = client.post("/orders", json=ORDER, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json["type"]) == (400, "urn:keyless:problem:InvalidIdempotencyKey")


def test_a_key_reused_with_another_body_is_told_to_its_sender(client: FlaskClient, azure: FakeAzure) -> None:
    """The first order stands; the second one's reference answers 409, and its sender's list shows it as refused."""
    client.get("/orders")
    first, second = (
        client.post("/orders", json={**ORDER, "quantity": quantity}, headers={"Idempotency-Key": "k"})
        for quantity in (2, 3)
    )
    assert first.json["orderId"] == second.json["orderId"]
    azure.process(azure.bus.bodies()[0])
    assert client.get(first.headers["Location"]).status_code == 200
    for path in (second.headers["Location"], second.headers["Location"] + "/receipt"):
        refused = client.get(path)
        assert (refused.status_code, refused.json["type"]) == (409, "urn:keyless:problem:IdempotencyKeyReused")
    assert [order["status"] for order in client.get("/orders").json["orders"]] == ["refused", "receipted"]


def test_my_orders_are_the_pending_ones_then_the_receipted_ones(client: FlaskClient, azure: FakeAzure) -> None:
    """Pending orders come first, the newest before the older. Another customer's orders are not listed."""
    ids = [client.post("/orders", json=ORDER).json["orderId"] for _ in range(4)]
    azure.app().test_client().post("/orders", json=ORDER)
    for message in azure.bus.bodies()[:2]:
        azure.process(message)
    listed = client.get("/orders").json["orders"]
    assert [order["orderId"] for order in listed] == [ids[3], ids[2], ids[1], ids[0]]
    assert [order["status"] for order in listed] == ["accepted", "accepted", "receipted", "receipted"]


def test_my_orders_come_in_pages(client: FlaskClient, azure: FakeAzure) -> None:
    """Following `next` shows every receipted order exactly once."""
    for _ in range(5):
        client.post("/orders", json=ORDER)
    for message in azure.bus.bodies():
        azure.process(message)
    client.get("/orders")  # here the session learns that they are receipted
    seen, path = [], "/orders"
    while path:
        page = client.get(path).json
        seen += [order["orderId"] for order in page["orders"]]
        path = page["next"]
    assert sorted(seen) == sorted(message.orderId for message in azure.bus.bodies())


def test_a_made_up_continuation_is_refused(client: FlaskClient) -> None:
    """A continuation that was not handed out here is a 400, and does not reach Cosmos DB."""
    assert client.get("/orders?continuation=2").status_code == 400


def test_the_session_cookie_stays_small(client: FlaskClient) -> None:
    """After many orders the cookie is still one that every browser keeps, and old references still work."""
    places = [client.post("/orders", json=ORDER).headers["Location"] for _ in range(15)]
    cookie = client.get_cookie("keyless")
    assert cookie is not None
    assert len(cookie.value) < 4000
    assert len(client.get("/orders").json["orders"]) == 10
    assert client.get(places[0]).status_code == 202


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("{", "application/json", 400),
        (b"\xff", "application/json", 400),
        ('{"product": "x", "quantity": NaN}', "application/json", 422),
        ("[1]", "application/json", 422),
        ("null", "application/json", 422),
        ('{"product": "x", "quantity": "2"}', "application/json", 422),
        ("product=x", "text/plain", 415),
        ("", "", 415),
        ('{"product": "' + "x" * 65536 + '"}', "application/json", 413),
    ],
)
def test_a_bad_body_gets_a_problem(client: FlaskClient, body: str, content_type: str, status: int) -> None:
    """A body that is no order gets problem details with the status that says why."""
    answer = client.post("/orders", data=body, content_type=content_type)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.json["status"] == status


def test_an_invalid_order_names_its_fields(client: FlaskClient) -> None:
    """422 lists each wrong field by its JSON pointer, without repeating what was sent."""
    answer = client.post("/orders", json={"product": " ", "quantity": 1001, "gift": "secret-value"})
    assert [error["pointer"] for error in answer.json["errors"]] == ["#/product", "#/quantity", "#/gift"]
    assert "secret-value" not in answer.get_data(as_text=True)


def test_a_method_that_is_not_allowed_says_which_are(client: FlaskClient) -> None:
    """A 405 carries the header Allow."""
    answer = client.delete("/orders")
    assert (answer.status_code, answer.content_type) == (405, "application/problem+json")
    assert "POST" in answer.headers["Allow"]


def test_an_order_is_not_accepted_while_service_bus_is_down(client: FlaskClient, azure: FakeAzure) -> None:
    """The order is a 503 with Retry-After and is not listed. When Service Bus is back, orders are accepted."""
    azure.bus.failure = ServiceBusConnectionError(message="the broker is away")
    answer = client.post("/orders", json=ORDER)
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert answer.headers["Retry-After"]
    assert "Service Bus" in answer.json["detail"]
    assert client.get("/orders").json["orders"] == []
    azure.bus.failure = None
    assert client.post("/orders", json=ORDER).status_code == 202


def test_reading_is_refused_while_cosmos_db_is_down(client: FlaskClient, azure: FakeAzure) -> None:
    """If a read fails, the answer is a 503, and not a 404."""
    place = client.post("/orders", json=ORDER).headers["Location"]
    azure.orders.failure = CosmosHttpResponseError(503, "Service Unavailable")
    assert [client.get(path).status_code for path in (place, "/orders", place + "/receipt")] == [503, 503, 503]


UNREADABLE = {
    "a later version": {"version": 9},
    "a field is missing": {"order": None},
    "the order has another field": {"order": {**ORDER, "price": 1}},
    "no time at all": {"acceptedAt": "soon"},
    "a time without its offset": {"receiptedAt": "2026-11-25T10:00:00"},
    "no digest": {"digest": 7},
    "a number for the order": {"order": 7},
    "a name of a thousand characters": {"order": {**ORDER, "<b>" * 333: 1}},
}


@pytest.mark.parametrize("wrong", UNREADABLE.values(), ids=UNREADABLE)
def test_an_unreadable_document_is_shown_as_such_and_the_others_with_it(
    client: FlaskClient, azure: FakeAzure, wrong: dict[str, object]
) -> None:
    """The list has the other orders, and of this one its id and a sentence; its own page and its receipt are a 502."""
    places = [client.post("/orders", json=ORDER).headers["Location"] for _ in range(2)]
    unreadable, other = azure.bus.bodies()
    for message in (unreadable, other):
        azure.process(message)
    azure.orders.documents[unreadable.customerId, unreadable.orderId].update(wrong)
    for _ in range(2):  # the session remembers the orders at first, and forgets the receipted one
        listed = client.get("/orders").json
        assert [(order["orderId"], order["status"]) for order in listed["orders"]] == [(other.orderId, "receipted")]
        [shown] = listed["unreadable"]
        assert shown["orderId"] == unreadable.orderId
        assert "can't be read" in shown["detail"]
        assert len(shown["detail"]) < 500
    page = client.get("/orders", headers=HTML).get_data(as_text=True)
    assert f"Order {unreadable.orderId[:8]}" in page
    assert "<b><b>" not in page
    for path in (places[0], places[0] + "/receipt"):
        answer = client.get(path)
        assert (answer.status_code, answer.json["type"]) == (502, "urn:keyless:problem:UnreadableOrder")
    assert client.get(places[1]).status_code == 200


def test_an_unreadable_document_that_the_list_has_not_reached_is_told_by_the_session(
    client: FlaskClient, azure: FakeAzure
) -> None:
    """An accepted order is listed as unreadable, even if the query does not find its document yet."""
    client.post("/orders", json=ORDER)
    [message] = azure.bus.bodies()
    azure.orders.documents[message.customerId, message.orderId] = {"id": message.orderId, "version": 9}
    azure.orders.query_items = FakeOrders().query_items  # type: ignore[method-assign]  # finds nothing
    listed = client.get("/orders").json
    assert [order["orderId"] for order in listed["unreadable"]] == [message.orderId]


def test_order_ids_without_a_key_differ(client: FlaskClient) -> None:
    """Two posts without a key are two orders."""
    assert client.post("/orders", json=ORDER).json["orderId"] != client.post("/orders", json=ORDER).json["orderId"]
    assert uuid.UUID(client.post("/orders", json=ORDER).json["orderId"]).version == 4
