"""Keys rotated while orders flow."""

import json
from base64 import urlsafe_b64decode

import httpx
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadSignature

from demo import keys
from infra.signing_keys import FRONTEND_SIGNING_KEY, session_key
from tests.e2e.waiting import until
from tests.faults.application import Application
from tests.faults.customers import Customer, Customers


def kid(jws: str) -> str:
    head = jws.split(".")[0]
    return str(json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"])


def test_every_receipt_verifies_after_the_receipt_key_was_rotated(application: Application) -> None:
    """Receipts signed with the old key and the new one verify, and no receipt changes."""
    customer = Customer(application.url)
    with Customers(application.url) as customers:
        customers.place_more(10)
        with application.stack.control() as control:
            new = keys.rotate_receipt_key(control)
        until(lambda: kid(newest_receipt(customer)), lambda signed_with: signed_with == new)
        customers.place_more(10)
    first, second = customers.receipts(), customers.receipts()
    assert second == first
    kids = {kid(jws) for jws in first.values()}
    assert len(kids) == 2
    assert new in kids


def newest_receipt(customer: Customer) -> str:
    """Places an order and waits for its receipt."""
    customer.place()
    url = list(customer.orders.values())[-1]
    until(lambda: customer.client.get(f"{url}/receipt"), lambda answer: answer.status_code == httpx.codes.OK)
    return customer.receipt(url)


def test_nobody_is_logged_out_when_the_session_key_is_rotated(application: Application) -> None:
    """A session from before the rotation goes on, after the frontend has begun to sign with the new key."""
    earlier, placing = Customer(application.url), Customer(application.url)
    earlier.place()
    key = session_key()
    with application.stack.control() as control:
        control.put(f"/secrets/{FRONTEND_SIGNING_KEY}", json={"value": key, "tags": {}}).raise_for_status()

    def signed_with_new_key() -> bool:
        placing.place()  # which signs the session anew
        return verifies(placing.client.cookies["keyless"], key)

    until(signed_with_new_key, bool)
    assert not verifies(earlier.client.cookies["keyless"], key)
    assert len(earlier.receipts()) == 1
    assert len(placing.receipts()) > 1
    earlier.place()
    assert len(earlier.receipts()) == 2
    assert verifies(earlier.client.cookies["keyless"], key)


def verifies(cookie: str, key: str) -> bool:
    """Whether Flask signed this session with this key."""
    app = Flask(__name__)
    app.secret_key = key
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    try:
        serializer.loads(cookie)
    except BadSignature:
        return False
    return True
