"""Customers who place orders one after the other, in a process of its own: `python -m bench.load URL CLIENTS SECONDS`.

Prints JSON: the orders that were accepted, the other answers by status, the seconds, and the latencies in milliseconds.
"""

import asyncio
import json
import sys
import time
from collections import Counter

import aiohttp

ORDER = {"product": "Brass key", "quantity": 2}


async def place_orders(url: str, clients: int, seconds: float) -> dict[str, object]:
    """Place orders for so many seconds. Each client sends the next one when the last is answered."""
    answers: Counter[int] = Counter()
    latencies: list[float] = []
    body, headers = json.dumps(ORDER).encode(), {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),  # so that each order is a new customer's
        connector=aiohttp.TCPConnector(limit=clients),
        timeout=aiohttp.ClientTimeout(total=60),
    ) as session:
        began = time.monotonic()

        async def client() -> None:
            while time.monotonic() - began < seconds:
                sent = time.perf_counter()
                async with session.post(f"{url}/orders", data=body, headers=headers) as answer:
                    await answer.read()
                latencies.append((time.perf_counter() - sent) * 1000)
                answers[answer.status] += 1

        await asyncio.gather(*(client() for _ in range(clients)))
        took = time.monotonic() - began
    accepted = answers.pop(202, 0)
    return {"accepted": accepted, "others": dict(answers), "seconds": took, "latencies": sorted(latencies)}


if __name__ == "__main__":
    json.dump(asyncio.run(place_orders(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))), sys.stdout)
