"""A customer: places orders with the frontend over HTTP and waits for their receipts."""

import time
from dataclasses import dataclass
from typing import Any

import httpx


class OrderFailed(Exception):
    """An order was refused, or it had no verified receipt in time. The message is the frontend's."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt that the frontend verified: its order, and the key that signed it."""

    url: str
    kid: str
    order: dict[str, Any]
    jws: str


class Customer:
    """One session with the frontend at `url`."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def place(self, product: str, quantity: int) -> str:
        """Place an order; return its path. Raises `OrderFailed`."""
        response = self._client.post("/orders", json={"product": product, "quantity": quantity})
        if response.status_code != httpx.codes.ACCEPTED:
            raise OrderFailed(response.text)
        return response.headers["location"]

    def receipt(self, path: str, timeout: float = 30) -> Receipt:
        """Wait for the verified receipt of an order. Raises `OrderFailed` after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            response = self._client.get(f"{path}/receipt", headers={"Accept": "application/json"})
            if response.status_code == httpx.codes.OK and response.json()["verified"]:
                body = response.json()
                return Receipt(str(response.url), body["kid"], body["order"]["order"], body["receipt"])
            if time.monotonic() > deadline:
                raise OrderFailed(f"no verified receipt after {timeout:.0f} s: {response.status_code} {response.text}")
            time.sleep(0.05)

    def close(self) -> None:
        self._client.close()
