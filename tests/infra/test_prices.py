"""The monthly cost of a profile, summed from pages in the form of Azure's price feed."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from infra.prices import HOURS, PROFILES, report


class Feed:
    """A feed in which every unit costs two dollars, and each answer has a second page."""

    def __init__(self, *, without: str = "", twice: str = "") -> None:
        self._without, self._twice = without, twice
        self.asked: list[dict[str, str]] = []

    def __call__(self, url: str) -> dict[str, Any]:
        [condition] = parse_qs(urlsplit(url).query)["$filter"]
        wanted = dict(re.findall(r"(\w+) eq '([^']+)'", condition))
        if "page=2" not in url:
            self.asked.append(wanted)
            windows = {"retailPrice": 9, "tierMinimumUnits": 0, "productName": "Dadsv5 Series Windows"}
            return {"Items": [windows, _price(9, least=100)], "NextPageLink": f"{url}&page=2"}
        prices = [2] if wanted["meterName"] != self._twice else [2, 3]
        items = [] if wanted["meterName"] == self._without else [_price(each) for each in prices]
        return {"Items": items, "NextPageLink": None}


def _price(dollars: float, least: int = 0) -> dict[str, Any]:
    return {"retailPrice": dollars, "tierMinimumUnits": least, "productName": "x"}


@pytest.mark.parametrize("profile", PROFILES)
def test_the_sum_is_that_of_quantities_and_prices(profile: str) -> None:
    """Each item is asked for in the region, at the list price of the first tier, and the day is told."""
    feed = Feed()
    table = report(profile, "westeurope", feed)
    total = sum(2 * item.quantity for item in PROFILES[profile])
    assert re.search(rf"\| \*\*{profile} in westeurope, \d{{4}}-\d\d-\d\d\*\* \| \*\*{total:,.2f}\*\* \|$", table)
    assert all(each["armRegionName"] == "westeurope" and each["type"] == "Consumption" for each in feed.asked)
    assert len(feed.asked) == len(PROFILES[profile]) == table.count("\n") - 2


@pytest.mark.parametrize("fault", ["without", "twice"])
def test_a_price_that_is_missing_or_not_one_gives_no_sum(fault: str) -> None:
    """A sum without an item, or with a guess, would be wrong: the sentence names the item."""
    with pytest.raises(LookupError, match=r"2 nodes: the feed has \d prices for .*D2ads v5"):
        report("learn", "westeurope", Feed(**{fault: "D2ads v5"}))


def test_the_nodes_are_those_that_are_deployed() -> None:
    """Sizes and least numbers are the profiles' own."""
    nodes = {name: next(item for item in items if item.sku) for name, items in PROFILES.items()}
    assert (nodes["learn"].sku, nodes["learn"].quantity / HOURS) == ("Standard_D2ads_v5", 2)
    assert (nodes["production"].sku, nodes["production"].quantity / HOURS) == ("Standard_D4ads_v5", 6)
