"""Customers who place orders, in a process of their own: `python -m bench.load URL CLIENTS SECONDS [RATE]`.

Prints JSON: the orders that were accepted, the other answers by status, the seconds, and the latencies in milliseconds.
"""

import asyncio
import json
import sys
import time
from collections import Counter

import aiohttp

_ORDER = json.dumps({"product": "Brass key", "quantity": 2}).encode()
_HEADERS = {"Content-Type": "application/json"}


async def place_orders(url: str, clients: int, seconds: float, rate: float | None = None) -> dict[str, object]:
    """Place orders for so many seconds. Each client sends the next one when the last is answered.

    With a rate, in orders a second, the clients share a timetable, and a latency counts from the order's time in it.
    """
    answers: Counter[int] = Counter()
    latencies: list[float] = []
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),  # so that each order is a new customer's
        connector=aiohttp.TCPConnector(limit=clients),
        timeout=aiohttp.ClientTimeout(total=60),
    ) as session:
        began = time.perf_counter()

        async def client(number: int) -> None:
            due = began + (number / rate if rate else 0)
            while (now := time.perf_counter()) < began + seconds:
                if rate:
                    await asyncio.sleep(max(0.0, due - now))
                else:
                    due = now
                async with session.post(f"{url}/orders", data=_ORDER, headers=_HEADERS) as answer:
                    await answer.read()
                latencies.append((time.perf_counter() - due) * 1000)
                answers[answer.status] += 1
                due += clients / rate if rate else 0

        await asyncio.gather(*(client(number) for number in range(clients)))
        took = time.perf_counter() - began
    accepted = answers.pop(202, 0)
    return {"accepted": accepted, "others": dict(answers), "seconds": took, "latencies": sorted(latencies)}


if __name__ == "__main__":
    url, clients, seconds, *rate = sys.argv[1:]
    json.dump(asyncio.run(place_orders(url, int(clients), float(seconds), *map(float, rate))), sys.stdout)
