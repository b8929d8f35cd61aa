"""Customers who place one order after the other, while something goes wrong."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import httpx
from itsdangerous import URLSafeTimedSerializer

from tests.e2e.waiting import until

PAUSE = 0.3  # seconds between two orders of one customer
_PATIENCE = 120.0  # seconds for which a customer tries to place an order
_UNAVAILABLE = {httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE}


@dataclass
class Customer:
    """One session. An order that was not accepted is placed again, under its key, as a careful client does it."""

    url: str
    orders: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = httpx.Client(
            base_url=self.url, headers={"Accept": "application/json"}, timeout=15, trust_env=False
        )
        until(self._has_session, bool, timeout=_PATIENCE)

    def _has_session(self) -> bool:
        """Asks for the session, without which an idempotency key means nothing."""
        try:
            return self.client.get("/orders").is_success
        except httpx.TransportError as error:
            self.failures.append(repr(error))
            return False

    @property
    def id(self) -> str:
        """The customer's id, from the session's cookie: it is signed, and not encrypted."""
        _, session = URLSafeTimedSerializer("no key").loads_unsafe(self.client.cookies["keyless"])
        return str(session["customer"])

    def place(self) -> None:
        """Returns when the order is accepted, and notes its URL."""
        order = {"product": f"number {len(self.orders)}", "quantity": 1}
        key = {"Idempotency-Key": str(uuid.uuid4())}
        accepted = until(lambda: self._post(order, key), lambda answer: answer is not None, timeout=_PATIENCE)
        assert accepted is not None
        self.orders[accepted.json()["orderId"]] = accepted.headers["location"]

    def place_until(self, stop: threading.Event, pause: float) -> None:
        while not stop.wait(pause):
            self.place()

    def listed(self) -> list[dict[str, Any]]:
        """My orders, all pages of them."""
        found: list[dict[str, Any]] = []
        following: str | None = "/orders"
        while following:
            page = self.client.get(following).raise_for_status().json()
            found += page["orders"]
            following = page["next"]
        return found

    def receipts(self, timeout: float = 30) -> dict[str, str]:
        """The verified receipt of each order (a JWS by order id), every order once; within so many seconds."""
        listed = until(self._listed_if_answered, self._complete, timeout)
        assert sorted(order["orderId"] for order in listed) == sorted(self.orders)
        return {order_id: self.receipt(url) for order_id, url in self.orders.items()}

    def receipt(self, url: str) -> str:
        """The verified receipt, asked for again while the frontend says that a service is unavailable."""
        answer = until(
            lambda: self.client.get(f"{url}/receipt"),
            lambda response: response.status_code not in _UNAVAILABLE,
            timeout=_PATIENCE,
        )
        receipt = answer.raise_for_status().json()
        assert receipt["verified"] is True
        return str(receipt["receipt"])

    def _post(self, order: dict[str, Any], key: dict[str, str]) -> httpx.Response | None:
        """`None`, with a note of the failure, if the order is to be placed again."""
        try:
            answer = self.client.post("/orders", json=order, headers=key)
        except httpx.TransportError as error:
            self.failures.append(repr(error))
            return None
        if answer.status_code == httpx.codes.ACCEPTED:
            return answer
        assert answer.status_code in _UNAVAILABLE, answer.text
        self.failures.append(answer.text)
        return None

    def _listed_if_answered(self) -> list[dict[str, Any]]:
        """My orders; none while the frontend has no answer."""
        try:
            return self.listed()
        except httpx.HTTPError:
            return []

    def _complete(self, listed: list[dict[str, Any]]) -> bool:
        return len(listed) >= len(self.orders) and all(order["status"] == "receipted" for order in listed)


class Customers:
    """A few at once, from entering the context until leaving it. What they meet with is read after that."""

    def __init__(self, url: str, count: int = 3, pause: float = PAUSE) -> None:
        self._all = [Customer(url) for _ in range(count)]
        self._pause = pause
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(count)

    def __enter__(self) -> "Customers":
        self._placing = [self._pool.submit(customer.place_until, self._stop, self._pause) for customer in self._all]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for placing in self._placing:
            placing.result()

    @property
    def placed(self) -> int:
        return sum(len(customer.orders) for customer in self._all)

    @property
    def failures(self) -> list[str]:
        return [failure for customer in self._all for failure in customer.failures]

    @property
    def ids(self) -> list[str]:
        """The customers' ids."""
        return [customer.id for customer in self._all]

    def accepted(self) -> dict[str, str]:
        """The customer of each order that was accepted."""
        return {order: customer.id for customer in self._all for order in customer.orders}

    def place_more(self, count: int) -> None:
        """Returns when that many orders more are accepted."""
        wanted = self.placed + count
        until(lambda: self.placed, lambda placed: placed >= wanted, timeout=_PATIENCE)

    def fail_more(self, count: int) -> None:
        """Returns when that many attempts more have failed."""
        wanted = len(self.failures) + count
        until(lambda: len(self.failures), lambda failed: failed >= wanted, timeout=_PATIENCE)

    def receipts(self) -> dict[str, str]:
        """The verified receipts of all of them, by order id."""
        each = self._pool.map(Customer.receipts, self._all)
        return {order_id: jws for receipts in each for order_id, jws in receipts.items()}
