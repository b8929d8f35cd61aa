"""The page in a real browser: by keyboard, without JavaScript, for assistive technology, on a phone and a desktop.

Screenshots of every page are kept in `test-results/page/`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import chromium

SHOTS = Path("test-results/page")
RECEIPTED = 15_000  # milliseconds in which an order surely has its receipt
OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def open_page(browser: Browser, stack: Any) -> Iterator[OpenPage]:
    """Open the page as a new customer. An error in the browser's console fails the test at its end."""
    contexts, complaints = [], []

    def open_as(**options: Any) -> Page:
        context = browser.new_context(base_url=stack.url, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: complaints.append(f"asked {request.url}") if stack.url not in request.url else None,
        )
        page.goto("/")
        return page

    yield open_as
    for context in contexts:
        context.close()
    # The browser reports each answer of 4xx; the tests below provoke some.
    assert [complaint for complaint in complaints if "status of 4" not in complaint] == []


def order(page: Page, product: str = "Brass keyhole plate, hand-filed") -> None:
    page.goto("/orders")
    page.get_by_label("Product").fill(product)
    page.get_by_role("button", name="Place the order").click()


def test_an_order_by_keyboard_alone_is_receipted_without_a_reload(open_page: OpenPage) -> None:
    """Tab, type and Enter are enough, the focus is always visible, and the status changes by itself."""
    page = open_page()
    for _ in range(20):
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        if page.evaluate("document.activeElement.id") == "product":
            break
    page.keyboard.type("Skeleton key")
    page.keyboard.press("Tab")
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("12")
    page.keyboard.press("Enter")
    page.wait_for_url("**/orders/*")
    page.evaluate("window.neverReloaded = true")
    expect(page.get_by_role("status")).to_contain_text("Receipted", timeout=RECEIPTED)
    expect(page.get_by_text("Skeleton key")).to_be_visible()
    assert page.evaluate("window.neverReloaded") is True
    page.get_by_role("link", name="See the receipt").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Verified: signed by the backend")).to_be_visible()


def test_an_order_without_javascript_is_receipted_after_a_reload(open_page: OpenPage) -> None:
    """Without scripts, orders and receipts work, and the customer reloads the page."""
    page = open_page(java_script_enabled=False)
    order(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Order")

    def receipted() -> bool:
        page.reload()
        return page.get_by_role("link", name="See the receipt").is_visible()

    assert any(receipted() or page.wait_for_timeout(300) for _ in range(40))
    page.get_by_role("link", name="See the receipt").click()
    expect(page.get_by_text("Verified: signed by the backend")).to_be_visible()


def test_my_orders_follow_by_themselves_and_then_are_quiet(open_page: OpenPage) -> None:
    """The list asks the server only while something is pending."""
    page = open_page()
    for product in ("Padlock", "Hinge"):
        order(page, product)
    page.goto("/orders")
    expect(page.locator("#summary")).to_have_text("All are done.", timeout=RECEIPTED)
    expect(page.locator(".badge.receipted")).to_have_count(2)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2_500)  # two and a half intervals of polling: silence can only be waited for
    assert asked == []


def test_a_double_click_is_one_order(open_page: OpenPage) -> None:
    """Sending the same form twice leaves one order in the list."""
    page = open_page()
    page.get_by_label("Product").fill("Escutcheon")
    page.get_by_role("button", name="Place the order").dblclick()
    page.wait_for_url("**/orders/*")
    page.goto("/orders")
    expect(page.locator(".slip")).to_have_count(1)


def test_an_invalid_order_is_explained_at_its_field(open_page: OpenPage) -> None:
    """The field says what is wrong with it, to the eye and to assistive technology, and keeps what was entered."""
    page = open_page()
    page.get_by_label("Product").fill("Lock")
    page.get_by_label("Quantity").evaluate("field => field.removeAttribute('max')")
    page.get_by_label("Quantity").fill("5000")
    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Quantity")).to_have_accessible_description("Order at most 1,000 at once.")
    expect(page.get_by_label("Quantity")).to_have_value("5000")


@pytest.mark.parametrize(
    ("service", "said"),
    [
        ("keyvault", "Forbidden"),
        ("servicebus", "'Listen' claim(s) are required"),
        ("cosmos", "items/create"),
        ("blob", "AuthorizationPermissionMismatch"),
    ],
)
def test_the_tokens_journey_shows_each_services_refusal(open_page: OpenPage, service: str, said: str) -> None:
    """The page shows the service's own refusal of what was not granted."""
    page = open_page()
    page.goto("/identity")
    expect(page.get_by_text("system:serviceaccount:keyless:frontend").first).to_be_visible()
    page.locator(f"#{service}").get_by_role("button").click()
    refusal = page.locator(f"#{service}").get_by_role("status")
    expect(refusal).to_contain_text("Refused by the service")
    expect(refusal).to_contain_text(said)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_every_page_is_accessible_and_fits(open_page: OpenPage, width: int, scheme: str) -> None:
    """axe-core finds no violation, and nothing is wider than the screen, on a phone and a desktop, light and dark."""
    page = open_page(viewport={"width": width, "height": 900}, color_scheme=scheme)

    def look(name: str) -> None:
        page.wait_for_load_state()  # a screenshot during the layout shows no page that a customer sees
        page.screenshot(path=SHOTS / f"{name}-{width}-{scheme}.png", full_page=True)
        found = Axe().run(page).response["violations"]
        assert [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found] == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name

    look("empty")
    page.locator("form").evaluate("form => form.noValidate = true")
    page.get_by_label("Quantity").fill("5000")
    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_label("Product")).to_have_accessible_description("Say what you would like to order.")
    look("invalid")
    order(page)
    look("order")
    page.get_by_role("link", name="See the receipt").click(timeout=RECEIPTED)
    page.locator("summary").click()
    look("receipt")
    order(page, "W" * 100)
    page.goto("/orders")
    look("orders")
    page.goto("/orders/made-up")
    look("problem")
    page.goto("/identity")
    page.locator("#cosmos").get_by_role("button").click()
    expect(page.get_by_text("Refused by the service")).to_be_visible()
    look("identity")
