"""The message, the document and the receipt keep their names, identifiers and bounds."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contract import Order, OrderDocument, OrderMessage, Receipt
from frontend.orders.order_input import order_id_for

MESSAGE = {
    "version": 1,
    "orderId": "a" * 32,
    "customerId": "b" * 32,
    "order": {"product": "Lantern", "quantity": 2, "note": "gift"},
    "acceptedAt": "2026-11-24T12:00:00Z",
}

orders = st.builds(
    Order,
    product=st.text(min_size=1, max_size=100).filter(str.strip),
    quantity=st.integers(1, 1000),
    note=st.text(max_size=500),
)


@given(orders)
def test_an_order_survives_the_queue(order: Order) -> None:
    """An order read back from its JSON is the same order with the same digest."""
    again = Order.model_validate_json(order.model_dump_json())
    assert again == order
    assert again.digest() == order.digest()


@given(orders, orders)
def test_digests_differ_exactly_where_orders_do(one: Order, other: Order) -> None:
    """Two orders share a digest only if they are equal."""
    assert (one.digest() == other.digest()) == (one == other)


def test_a_random_order_id_is_told_from_one_of_a_key() -> None:
    """Only the id of an order without an idempotency key is random."""
    message = OrderMessage.model_validate(MESSAGE)
    assert message.model_copy(update={"orderId": uuid.uuid4().hex}).has_random_id
    assert not message.model_copy(update={"orderId": order_id_for("b" * 32, "key")}).has_random_id


@given(st.text(max_size=255), st.text(max_size=255))
def test_the_order_id_of_a_key_is_no_random_one(one: str, other: str) -> None:
    """It is a UUID of version 8, the same for the same key and for no other."""
    customer = "b" * 32
    of_one = uuid.UUID(order_id_for(customer, one))
    assert (of_one.version, of_one.variant) == (8, uuid.RFC_4122)
    assert (of_one.hex == order_id_for(customer, other)) == (one == other)


def test_the_message_id_fits_service_bus_and_tells_bodies_apart() -> None:
    """One order id with two bodies gives two message ids of at most 128 characters, and two receipt names."""
    message = OrderMessage.model_validate(MESSAGE)
    other = OrderMessage.model_validate({**MESSAGE, "order": {"product": "Lantern", "quantity": 3}})
    assert len(message.message_id) <= 128
    assert message.message_id != other.message_id
    assert message.receipt_name != other.receipt_name
    assert message.receipt_name.startswith(message.orderId)


@pytest.mark.parametrize(
    "change",
    [
        {"orderId": "A" * 32},
        {"orderId": "a" * 32 + "\n"},
        {"customerId": "short"},
        {"version": 2},
        {"acceptedAt": "2026-11-24T12:00:00"},
        {"order": {"product": " ", "quantity": 1}},
        {"order": {"product": "Lantern", "quantity": 0}},
        {"order": {"product": "Lantern", "quantity": 1001}},
        {"order": {"product": "Lantern", "quantity": "2"}},
        {"order": {"product": "Lantern", "quantity": 2, "note": "n" * 501}},
        {"unknown": True},
    ],
)
def test_anything_else_is_refused(change: dict[str, object]) -> None:
    """A message with a value out of bounds, of another version, or with an unknown field is no order message."""
    with pytest.raises(ValidationError):
        OrderMessage.model_validate({**MESSAGE, **change})


def test_a_document_ignores_what_cosmos_adds() -> None:
    """The document read back from Cosmos DB, with its own properties, is the one that was written."""
    order = Order(product="Lantern", quantity=2)
    times = {"acceptedAt": "2026-11-24T12:00:00Z", "receiptedAt": "2026-11-24T12:00:01Z"}
    written = OrderDocument.model_validate(
        {"id": "a" * 32, "customerId": "b" * 32, "order": order, "digest": order.digest(), "receipt": "r", **times}
    )
    assert OrderDocument.model_validate({**written.model_dump(mode="json"), "_etag": "e", "_ts": 1}) == written


def test_a_receipt_says_nothing_but_the_order_and_its_times() -> None:
    """A receipt with an unknown field is no receipt."""
    receipt = {**MESSAGE, "receiptedAt": "2026-11-24T12:00:01+00:00"}
    assert Receipt.model_validate(receipt).order.quantity == 2
    with pytest.raises(ValidationError):
        Receipt.model_validate({**receipt, "price": 1})


class LaterOrder(Order):
    """An order as a later version of the contract may have it."""

    gift: bool = False


def test_a_field_that_is_added_changes_no_digest_on_its_way() -> None:
    """An order of today has the same digest under a later contract, and one that uses the new field has another."""
    today = Order(product="tea", quantity=2, note="ünïcode \u2028")
    later = LaterOrder.model_validate_json(today.model_dump_json())
    assert later.digest() == today.digest()
    assert LaterOrder(product="tea", quantity=2, note="ünïcode \u2028", gift=True).digest() != today.digest()


def test_the_digest_is_that_of_the_orders_already_stored() -> None:
    """The digest of the contract's first version, which documents and references hold."""
    assert Order(product="tea", quantity=2).digest() == (
        "ef4b85686417241a06bc705de87538206242d34f4c8aadc202aaeb7144e6d9af"
    )
