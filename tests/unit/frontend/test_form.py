"""The order form and its pages: CSRF, double clicks, invalid entries, security headers."""

import re

import pytest
from flask.testing import FlaskClient

from tests.unit.frontend.fakes import HTML, FakeAzure


def filled_in(client: FlaskClient, **entries: str) -> dict[str, str]:
    """Return the form as a browser sends it: its hidden fields, and the entries."""
    page = client.get("/orders", headers=HTML).get_data(as_text=True)
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    return {**hidden, "product": "Brass key", "quantity": "2", "note": "", **entries}


def test_a_form_leads_to_its_orders_page(client: FlaskClient, azure: FakeAzure) -> None:
    """A posted form is redirected with 303, so that a reload sends nothing twice."""
    answer = client.post("/orders", data=filled_in(client), headers=HTML)
    assert answer.status_code == 303
    assert azure.bus.bodies()[0].order.quantity == 2
    page = client.get(answer.headers["Location"], headers=HTML)
    assert (page.status_code, page.mimetype) == (202, "text/html")
    assert "On its way" in page.get_data(as_text=True)


def test_a_double_click_is_one_order(client: FlaskClient, azure: FakeAzure) -> None:
    """The same form sent twice is one order, because its hidden key is the same."""
    form = filled_in(client)
    for _ in range(2):
        client.post("/orders", data=form, headers=HTML)
    assert len({message.message_id for message in azure.bus.messages}) == 1


@pytest.mark.parametrize(
    ("header", "field", "status"),
    [
        ("a key", "a key", 303),
        ("a key", "another", 400),
        ("a key", "", 400),
        ("a key", "k\u00e9y", 400),
        ("a", " a", 400),
    ],
)
def test_a_form_and_its_header_have_one_key(
    client: FlaskClient, azure: FakeAzure, header: str, field: str, status: int
) -> None:
    """If the header and the form have different keys, or one is ill-formed, the form is a 400."""
    form = filled_in(client, idempotencyKey=field)
    assert client.post("/orders", data=form, headers={"Idempotency-Key": header}).status_code == status
    assert len(azure.bus.messages) == (status == 303)


@pytest.mark.parametrize("token", ["", "made-up"])
def test_a_form_without_this_sessions_token_is_refused(client: FlaskClient, azure: FakeAzure, token: str) -> None:
    """Another site can't place an order with a customer's cookie."""
    answer = client.post("/orders", data=filled_in(client, csrf_token=token), headers=HTML)
    assert answer.status_code == 400
    assert azure.bus.messages == []


def test_an_invalid_form_keeps_what_was_entered(client: FlaskClient) -> None:
    """422 shows the form again, with each error tied to its field."""
    answer = client.post("/orders", data=filled_in(client, quantity="5000", note="<b>careful</b>"), headers=HTML)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'aria-describedby="quantity-error"' in page
    assert 'value="5000"' in page
    assert "&lt;b&gt;careful&lt;/b&gt;" in page


@pytest.mark.parametrize(("referrer", "status"), [("https://localhost/orders", 303), ("https://evil.example/", 400)])
def test_under_https_a_form_must_come_from_this_site(client: FlaskClient, referrer: str, status: int) -> None:
    """Under https, a form from another site's page is a 400, even with the token."""
    headers = {**HTML, "X-Forwarded-Proto": "https", "Referer": referrer}
    page = client.get("/orders", headers=headers, base_url="https://localhost").get_data(as_text=True)
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    form = {**hidden, "product": "Brass key", "quantity": "2"}
    assert client.post("/orders", data=form, headers=headers, base_url="https://localhost").status_code == status


@pytest.mark.parametrize("quantity", ["", "two", "2.5", "٣", "1" * 5000])
def test_a_quantity_that_is_no_number_is_an_invalid_order(client: FlaskClient, quantity: str) -> None:
    """A quantity that is no number is a 422."""
    assert client.post("/orders", data=filled_in(client, quantity=quantity), headers=HTML).status_code == 422


def test_a_page_asks_again_only_while_something_is_pending(client: FlaskClient, azure: FakeAzure) -> None:
    """The page has the polling element as long as an order is pending."""
    place = client.post("/orders", data=filled_in(client), headers=HTML).headers["Location"]
    for path in ("/orders", place):
        assert 'id="poll"' in client.get(path, headers=HTML).get_data(as_text=True)
    azure.process(azure.bus.bodies()[0])
    for path in ("/orders", place):
        assert 'id="poll"' not in client.get(path, headers=HTML).get_data(as_text=True)


def test_a_browser_gets_problems_as_pages(client: FlaskClient) -> None:
    """The page shows the same facts as the problem details."""
    answer = client.get("/orders/made-up", headers=HTML)
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "There is no such order." in answer.get_data(as_text=True)


def test_pages_hold_nothing_inline_and_load_nothing_from_elsewhere(client: FlaskClient, azure: FakeAzure) -> None:
    """Pages have no inline script or style and load nothing from elsewhere, and the policy forbids both."""
    place = client.post("/orders", data=filled_in(client), headers=HTML).headers["Location"]
    azure.process(azure.bus.bodies()[0])
    for path in ("/orders", place, place + "/receipt", "/identity", "/nothing"):
        answer = client.get(path, headers=HTML)
        page = answer.get_data(as_text=True)
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*src=)|(?:src|href)=\"https?:", page), path
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_the_cookie_is_secure_if_the_browsers_connection_is(client: FlaskClient, scheme: str, secure: bool) -> None:
    """The cookie is Secure if the gateway says that the browser came over https. Scripts can't read it."""
    cookie = client.get("/orders", headers={"X-Forwarded-Proto": scheme}).headers["Set-Cookie"]
    assert ("Secure" in cookie) is secure
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
