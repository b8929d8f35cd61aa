"""Print what a profile costs in a month at Azure's list prices: `python -m infra.prices learn westeurope`.

The prices come from Azure's own feed, which needs no sign-in:
https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices

What is paid by use (requests, logged gigabytes) has an assumption beside it, since only a month's bill knows it.
"""

import datetime
import json
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

FEED = "https://prices.azure.com/api/retail/prices"
HOURS = 730  # of a month, as Azure's calculator counts


@dataclass(frozen=True, slots=True)
class Item:
    """What is paid for: how the feed names it, and how many of its units a month has."""

    what: str
    service: str
    meter: str
    quantity: float
    sku: str = ""
    """`armSkuName`, if the meter's name does not say enough."""


_ALWAYS = (
    Item("NAT gateway, by the hour", "NAT Gateway", "Standard Gateway", HOURS),
    Item("logs, 5 GB analysed", "Log Analytics", "Analytics Logs Data Ingestion", 5),
)
PROFILES = {
    "learn": (
        *_ALWAYS,
        Item("2 nodes", "Virtual Machines", "D2ads v5", 2 * HOURS, "Standard_D2ads_v5"),
        Item("registry", "Container Registry", "Basic Registry Unit", HOURS / 24),
        Item("Service Bus", "Service Bus", "Standard Base Unit", HOURS),
        Item("Cosmos DB, 1 million request units", "Azure Cosmos DB", "1M RUs", 1),
    ),
    "production": (
        *_ALWAYS,
        Item("6 nodes", "Virtual Machines", "D4ads v5", 6 * HOURS, "Standard_D4ads_v5"),
        Item("cluster, with an uptime SLA", "Azure Kubernetes Service", "Standard Uptime SLA", HOURS),
        Item("registry", "Container Registry", "Premium Registry Unit", HOURS / 24),
        Item("Service Bus", "Service Bus", "Premium Messaging Unit", HOURS),
        Item("5 private endpoints", "Virtual Network", "Standard Private Endpoint", 5 * HOURS),
    ),
}

Fetch = Callable[[str], dict[str, Any]]


def fetched(url: str) -> dict[str, Any]:
    """Return a page of the feed."""
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - the address begins with FEED
        return dict(json.loads(answer.read()))


def price(item: Item, region: str, fetch: Fetch) -> float:
    """Return the list price of one unit, in US dollars. Raises `LookupError` if the feed has none, or several."""
    wanted = {
        "serviceName": item.service,
        "meterName": item.meter,
        "armRegionName": region,
        "type": "Consumption",
        **({"armSkuName": item.sku} if item.sku else {}),
    }
    condition = " and ".join(f"{name} eq '{value}'" for name, value in wanted.items())
    found = {
        each["retailPrice"]
        for each in _pages(f"{FEED}?$filter={urllib.parse.quote(condition)}", fetch)
        if each["tierMinimumUnits"] == 0 and "Windows" not in each["productName"]
    }
    if len(found) != 1:
        raise LookupError(f"{item.what}: the feed has {len(found)} prices for {condition}")
    return float(found.pop())


def _pages(url: str, fetch: Fetch) -> Iterator[dict[str, Any]]:
    while url:
        page = fetch(url)
        yield from page["Items"]
        url = page.get("NextPageLink") or ""


def report(profile: str, region: str, fetch: Fetch = fetched) -> str:
    """Return a table of costs and their sum, with the day. Raises `LookupError` if a price is missing."""
    costs = [(item.what, item.quantity * price(item, region, fetch)) for item in PROFILES[profile]]
    day = datetime.datetime.now(datetime.UTC).date()
    lines = [f"| {what} | {cost:,.2f} |" for what, cost in costs]
    total = f"| **{profile} in {region}, {day}** | **{sum(cost for _, cost in costs):,.2f}** |"
    return "\n".join(["| what | US dollars a month |", "|---|---|", *lines, total])


def main() -> int:
    match sys.argv[1:]:
        case [profile, region] if profile in PROFILES:
            pass
        case _:
            sys.stderr.write("python -m infra.prices learn|production REGION\n")
            return 2
    try:
        print(report(profile, region))
    except (OSError, LookupError) as error:
        sys.stderr.write(f"✗ no sum, since {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
