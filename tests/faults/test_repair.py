"""Receipts that Blob Storage loses are made again from their orders' documents."""

import json
import os
import signal
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from demo import keys
from tests.e2e.waiting import until
from tests.faults import processes
from tests.faults.application import Application
from tests.faults.customers import Customer

LOST = "urn:keyless:problem:ReceiptMissing"
HTML = {"Accept": "text/html"}


@dataclass(frozen=True)
class Loss:
    """An order at `url`, and the receipt that it had."""

    customer: Customer
    url: str
    receipt: str

    def get(self, path: str = "", **headers: str) -> httpx.Response:
        return self.customer.client.get(f"{self.url}{path}", headers=headers)


@pytest.fixture
def loss(application: Application) -> Loss:
    """An order whose receipt was stored, read and lost: Azurite, killed, forgets what it has not saved.

    It saves every five seconds. If it has saved this receipt, another order is placed.
    """
    lost = None
    while lost is None:
        lost = forgotten(application)
    return lost


def forgotten(application: Application) -> Loss | None:
    """Places an order, reads its receipt and kills Azurite; None if the receipt was saved before."""
    customer = Customer(application.url)
    customer.place()
    (url,) = customer.orders.values()
    until(lambda: customer.client.get(url), lambda answer: answer.status_code == httpx.codes.OK)
    found = Loss(customer, url, customer.receipt(url))
    os.kill(processes.azurite(application.stack.pid), signal.SIGKILL)
    answer = until(lambda: found.get("/receipt"), lambda answer: answer.status_code != httpx.codes.SERVICE_UNAVAILABLE)
    return None if answer.status_code == httpx.codes.OK else found


def test_a_lost_receipt_is_said_to_be_lost_and_is_mended(application: Application, loss: Loss) -> None:
    """The receipt's address and the order's page say that it was lost, until `make repair`: then it is as it was,
    byte for byte, since the key is the same."""
    for answer in (loss.get("/receipt"), loss.get("/receipt", **HTML)):
        assert (answer.status_code, LOST in answer.text) == (httpx.codes.BAD_GATEWAY, True)
    order = loss.get().raise_for_status().json()
    assert (order["status"], order["links"]["receipt"]) == ("receipted", None)
    page = loss.get(**HTML).raise_for_status().text
    assert "The receipt of this order was lost" in page
    assert f"{loss.url}/receipt" not in page

    application.repair()
    assert loss.customer.receipt(loss.url) == loss.receipt
    assert loss.get().json() == order | {"links": order["links"] | {"receipt": f"{loss.url}/receipt"}}
    assert f"{loss.url}/receipt" in loss.get(**HTML).text

    application.repair()  # which finds nothing any more
    assert loss.customer.receipt(loss.url) == loss.receipt


def test_a_receipt_mended_after_a_rotation_bears_the_new_key_and_the_old_times(
    application: Application, loss: Loss
) -> None:
    """The receipt key was rotated since: the new receipt verifies with the new key, and signs what the old one did."""
    with application.stack.control() as control:
        new = keys.rotate_receipt_key(control)
    application.repair()
    mended = loss.customer.receipt(loss.url)
    assert part(mended, 0)["kid"] == new != part(loss.receipt, 0)["kid"]
    assert part(mended, 1) == part(loss.receipt, 1)


def part(jws: str, number: int) -> dict[str, Any]:
    """The header (0) or what is signed (1)."""
    encoded = jws.split(".")[number]
    return dict(json.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))))
