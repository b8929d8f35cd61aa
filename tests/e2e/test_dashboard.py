"""The local cloud's dashboard in a real browser: live, without JavaScript, on a phone and a desktop, light and dark.

Screenshots of every page are kept in `test-results/dashboard/`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from localcloud.operator.client import connect
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import chromium

SHOTS = Path("test-results/dashboard")
PATHS = {"overview": "/", "pods": "/pods", "tokens": "/tokens", "accesses": "/accesses", "queues": "/queues"}
_CLIPPED = """Array.from(document.querySelectorAll("main *"))
    .filter((each) => getComputedStyle(each).overflowX === "hidden" && each.scrollWidth > each.clientWidth)
    .filter((each) => !each.classList.contains("unseen")).map((each) => each.outerHTML)"""
OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def url(stack: Any) -> str:
    """The dashboard's address. A deployment that was started elsewhere has none to be reached."""
    if stack.state is None:
        pytest.skip("this deployment has no dashboard")
    with connect(stack.state) as control:
        return str(control.get("/status").raise_for_status().json()["dashboard"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def open_page(browser: Browser, url: str) -> Iterator[OpenPage]:
    """Open the dashboard. An error in the browser's console, or a request to elsewhere, fails the test at its end."""
    contexts, complaints = [], []

    def open_it(path: str = "/", **options: Any) -> Page:
        context = browser.new_context(base_url=url, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: complaints.append(f"asked {asked.url}") if url not in asked.url else None)
        page.goto(path)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []


def order(customer: httpx.Client) -> None:
    assert customer.post("/orders", json={"product": "Key", "quantity": 1}).status_code == 202


def be_denied(browser: Browser, url: str) -> None:
    """Try what the frontend was not granted, by the button of its own page."""
    page = browser.new_page(base_url=url)
    page.goto("/identity")
    page.locator("#cosmos").get_by_role("button").click()
    expect(page.get_by_text("Refused by the service")).to_be_visible()
    page.close()


def test_an_access_appears_without_a_reload(open_page: OpenPage, customer: httpx.Client) -> None:
    """The page says that it is live, and counts an order's access to the queue while it is looked at."""
    page = open_page("/accesses")
    page.evaluate("window.neverReloaded = true")
    expect(page.locator("#live-state")).to_have_text("Live")
    row = page.get_by_role("row").filter(has_text="frontend").filter(has_text="send/action")
    order(customer)
    expect(row).to_have_count(1)
    before = int(row.get_by_role("cell").nth(3).inner_text())
    order(customer)
    expect(row.get_by_role("cell").nth(3)).not_to_have_text(str(before))
    assert page.evaluate("window.neverReloaded") is True


def test_a_paused_page_stays_as_it_is_until_it_goes_on(open_page: OpenPage) -> None:
    """Paused, the page has no script and no stream; the link leads back to the same page, live."""
    page = open_page("/accesses?only=allowed")
    page.get_by_role("link", name="Pause").click()
    expect(page.get_by_text("Paused, as of")).to_be_visible()
    assert page.locator("script").count() == 0
    page.get_by_role("link", name="Go on").click()
    expect(page.locator("#live-state")).to_have_text("Live")
    expect(page.get_by_role("link", name="Allowed", exact=True)).to_have_attribute("aria-current", "true")


def test_without_javascript_it_reloads_and_a_token_is_found(open_page: OpenPage, customer: httpx.Client) -> None:
    """The browser itself loads the page again, and a token's `uti` leads to where it went, by a form and by a link."""
    order(customer)
    page = open_page("/tokens", java_script_enabled=False)
    with page.expect_navigation(timeout=15_000):
        pass
    uti = page.locator("td code").first.inner_text()
    page.get_by_label("Find a token").fill(uti)
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("heading", name="Entra issued the access token")).to_be_visible()
    expect(page.get_by_text("presented its projected token")).to_be_visible()


def test_each_workload_has_its_chain(open_page: OpenPage) -> None:
    """On the page of the pods every link of a healthy workload is good, and the pod is ready."""
    page = open_page("/pods")
    chain = page.get_by_role("list", name="The links of frontend")
    expect(chain.get_by_role("listitem").first).to_have_text("label: good")
    assert chain.get_by_text(": broken").count() == 0
    expect(page.get_by_role("row").filter(has_text="frontend-").get_by_text("ready", exact=True)).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_every_page_is_accessible_and_fits(
    browser: Browser, open_page: OpenPage, customer: httpx.Client, stack: Any, width: int, scheme: str
) -> None:
    """axe-core finds no violation, and nothing is wider than the screen, well or broken."""
    order(customer)
    be_denied(browser, stack.url)
    page = open_page(viewport={"width": width, "height": 900}, color_scheme=scheme)

    def look(name: str, path: str) -> None:
        page.goto(path)
        page.screenshot(path=SHOTS / f"{name}-{width}-{scheme}.png", full_page=True)
        rules = {"runOnly": ["color-contrast"]} if scheme == "dark" else {}  # all else is the same in both
        found = Axe().run(page, options=rules).response["violations"]
        assert [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found] == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.evaluate(_CLIPPED) == [], name

    page.goto("/tokens")
    token = page.locator("td a").first.get_attribute("href") or ""
    with connect(stack.state) as control:
        control.put("/faults/blob", json={"kind": "slow", "seconds": 0.01}).raise_for_status()
        try:
            for name, path in {**PATHS, "token": token}.items():
                look(name, path)
        finally:
            control.delete("/faults/blob").raise_for_status()
