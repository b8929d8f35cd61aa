"""Three hundred orders at once: none is lost, none is doubled, and no order costs a token."""

import itertools
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.e2e.conftest import Deployment
from tests.e2e.waiting import until

CLIENTS = 32
ORDERS = 300


class Customer:
    """One of the clients: places its share of the orders, and reads them back when they are receipted."""

    def __init__(self, url: str, share: list[int]) -> None:
        self._client = httpx.Client(base_url=url, headers={"Accept": "application/json"}, timeout=60, trust_env=False)
        self._share = share

    def place(self) -> None:
        self._ask("GET", "/orders", 200)  # the session, to which idempotency keys belong
        for number in self._share:
            order = {"product": f"number {number}", "quantity": 1}
            self._ask("POST", "/orders", 202, json=order, headers={"Idempotency-Key": f"order {number}"})

    def receipts(self) -> list[dict[str, Any]]:
        """The verified receipt of each of the customer's orders."""
        orders = until(self._orders, self._complete, timeout=180)
        return [self._ask("GET", order["links"]["receipt"], 200) for order in orders]

    def close(self) -> None:
        self._client.close()

    def _orders(self) -> list[dict[str, Any]]:
        return list(itertools.chain.from_iterable(self._pages()))

    def _pages(self) -> Iterator[list[dict[str, Any]]]:
        following: str | None = "/orders"
        while following:
            page = self._ask("GET", following, 200)
            yield page["orders"]
            following = page["next"]

    def _complete(self, orders: list[dict[str, Any]]) -> bool:
        return len(orders) >= len(self._share) and all(order["status"] == "receipted" for order in orders)

    def _ask(self, method: str, path: str, good: int, **request: Any) -> dict[str, Any]:
        """Asks until the answer is good; a 503 says to ask again, and a machine under load may say so."""

        def answer() -> httpx.Response:
            response = self._client.request(method, path, **request)
            assert response.status_code in (good, 503), response.text
            return response

        return dict(until(answer, lambda response: response.status_code == good, timeout=60).json())


def test_three_hundred_orders_by_thirty_two_clients(stack: Deployment) -> None:
    """300 orders posted at once become 300 documents and 300 verified receipts, no duplicate among them."""
    customers = [Customer(stack.url, list(range(first, ORDERS, CLIENTS))) for first in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(Customer.place, customers))
        receipts = list(itertools.chain.from_iterable(pool.map(Customer.receipts, customers)))
    for customer in customers:
        customer.close()
    assert all(receipt["verified"] for receipt in receipts)
    assert len(receipts) == ORDERS
    assert len({receipt["order"]["orderId"] for receipt in receipts}) == ORDERS
    products = Counter(receipt["order"]["order"]["product"] for receipt in receipts)
    assert products == {f"number {number}": 1 for number in range(ORDERS)}


def test_tokens_are_asked_for_by_process_and_service_not_by_order(stack: Deployment) -> None:
    """However many orders there were, a pod asks once for each service that it uses."""
    asked = Counter((e["pod"], e["resource"]) for e in stack.trail() if e["kind"] == "exchange")
    assert asked
    assert {key: count for key, count in asked.items() if count > 1} == {}
