"""An order's whole way, from the form to the verified receipt, through the running application."""

import json
import uuid
from base64 import urlsafe_b64decode

import httpx
import pytest

from tests.e2e.waiting import until

COFFEE = {"product": "espresso beans", "quantity": 2, "note": "ground fine"}


def place(customer: httpx.Client, order: object = COFFEE, **headers: str) -> httpx.Response:
    return customer.post("/orders", json=order, headers=headers)


def receipted(customer: httpx.Client, path: str) -> dict[str, object]:
    """Waits until the order at this path has its receipt."""
    response = until(lambda: customer.get(path), lambda r: r.status_code == 200)
    return dict(response.json())


def test_an_order_is_accepted_processed_and_receipted(customer: httpx.Client) -> None:
    """An order is answered 202 with its place and a time to ask again, and soon has a receipt that verifies."""
    accepted = place(customer)
    assert accepted.status_code == 202
    assert accepted.headers["retry-after"]
    path = accepted.headers["location"]
    order = receipted(customer, path)
    assert order["status"] == "receipted"
    receipt = customer.get(f"{path}/receipt").json()
    assert receipt["verified"] is True
    payload = json.loads(_decoded(receipt["receipt"].split(".")[1]))
    header = json.loads(_decoded(receipt["receipt"].split(".")[0]))
    assert payload["order"] == COFFEE
    assert payload["orderId"] == order["orderId"]
    assert header == {"alg": header["alg"], "kid": receipt["kid"]}
    assert header["alg"] in {"EdDSA", "Ed25519"}


def test_my_orders_names_each_order_once(customer: httpx.Client) -> None:
    """The list shows pending orders at once, and each of them once when it is receipted."""
    paths = [place(customer).headers["location"] for _ in range(3)]
    assert len(customer.get("/orders").json()["orders"]) == 3
    for path in paths:
        receipted(customer, path)
    orders = customer.get("/orders").json()["orders"]
    assert [order["status"] for order in orders] == ["receipted"] * 3
    assert len({order["orderId"] for order in orders}) == 3


def test_customers_see_their_own_orders_only(stack, customer: httpx.Client) -> None:
    """Another session's list is empty."""
    receipted(customer, place(customer).headers["location"])
    with httpx.Client(base_url=stack.url, headers={"Accept": "application/json"}, trust_env=False) as stranger:
        assert stranger.get("/orders").json()["orders"] == []


def test_a_repeat_under_one_key_is_the_same_order(customer: httpx.Client) -> None:
    """Two requests with one `Idempotency-Key` and one body are one order, one document, one receipt."""
    customer.get("/orders")
    key = str(uuid.uuid4())
    first, second = (place(customer, **{"Idempotency-Key": key}) for _ in range(2))
    assert first.json()["orderId"] == second.json()["orderId"]
    one = receipted(customer, first.headers["location"])
    two = receipted(customer, second.headers["location"])
    assert one["receiptedAt"] == two["receiptedAt"]
    assert len(customer.get("/orders").json()["orders"]) == 1


def test_one_key_with_two_bodies_is_one_order_and_a_refusal_its_sender_can_read(customer: httpx.Client) -> None:
    """The second body's reference answers 409 `IdempotencyKeyReused`; the first order stands."""
    customer.get("/orders")
    key = str(uuid.uuid4())
    first = place(customer, **{"Idempotency-Key": key}).headers["location"]
    receipted(customer, first)
    second = place(customer, {**COFFEE, "quantity": 3}, **{"Idempotency-Key": key})
    assert second.status_code == 202
    refused = until(lambda: customer.get(second.headers["location"]), lambda r: r.status_code == 409)
    assert refused.headers["content-type"] == "application/problem+json"
    assert "IdempotencyKeyReused" in refused.text
    assert customer.get(f"{second.headers['location']}/receipt").status_code == 409
    assert receipted(customer, first)["order"] == COFFEE


def test_a_key_without_a_session_is_refused(customer: httpx.Client) -> None:
    """A key that could not be recognised again is a 400 that says how to send it."""
    refused = place(customer, **{"Idempotency-Key": "abc"})
    assert refused.status_code == 400
    assert "session" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"{not json", "application/json", 400),
        (b"[]", "application/json", 422),
        (json.dumps({"product": "", "quantity": 0}).encode(), "application/json", 422),
        (json.dumps({**COFFEE, "price": 1}).encode(), "application/json", 422),
        (b"<order/>", "application/xml", 415),
        (b"", "application/json", 400),
        (json.dumps({**COFFEE, "note": "x" * 70_000}).encode(), "application/json", 413),
    ],
    ids=["invalid JSON", "not an object", "invalid order", "unknown field", "wrong type", "empty", "too large"],
)
def test_bad_input_is_a_problem_and_no_order(customer: httpx.Client, content, media_type, status: int) -> None:
    """Each kind of bad input has its own status, as `application/problem+json`."""
    response = customer.post("/orders", content=content, headers={"Content-Type": media_type})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status


def test_an_invalid_order_names_its_fields(customer: httpx.Client) -> None:
    """A 422 points at each field that is wrong."""
    problem = place(customer, {"product": "x", "quantity": 0}).json()
    assert [error["pointer"] for error in problem["errors"]] == ["#/quantity"]


@pytest.mark.parametrize("path", ["/orders/made-up", "/orders/made-up/receipt", "/nowhere"])
def test_what_was_never_there_is_a_404(customer: httpx.Client, path: str) -> None:
    """A reference that was not signed here, and any other path, is a 404 problem."""
    response = customer.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_a_form_without_its_csrf_token_is_refused(stack) -> None:
    """Another site's form can't place an order in the customer's name."""
    with httpx.Client(base_url=stack.url, trust_env=False) as browser:
        browser.get("/orders", headers={"Accept": "text/html"})
        response = browser.post("/orders", data={"product": "beans", "quantity": "1"})
    assert response.status_code == 400
    assert "CSRF" in response.text


def test_liveness_and_readiness_answer(stack) -> None:
    """Both health endpoints are 200 when everything is there."""
    with httpx.Client(base_url=stack.url, trust_env=False) as client:
        assert client.get("/healthz").status_code == 200
        assert until(lambda: client.get("/readyz"), lambda r: r.status_code == 200)


def test_the_api_describes_itself(customer: httpx.Client) -> None:
    """`/openapi.json` is an OpenAPI 3 document that names the four order operations."""
    document = customer.get("/openapi.json").json()
    assert document["openapi"].startswith("3.")
    operations = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    assert {"placeOrder", "listOrders", "showOrder", "showReceipt"} <= operations


def test_no_answer_tells_a_browser_to_trust_more_than_it_must(stack) -> None:
    """Every answer carries the security headers."""
    with httpx.Client(base_url=stack.url, trust_env=False) as client:
        for path in ("/orders", "/identity", "/healthz", "/nowhere"):
            headers = client.get(path).headers
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"]


def _decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))
