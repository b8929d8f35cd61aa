"""The page of the journey in a real browser, whole and broken at each link, on a phone and a desktop, light and dark.

Screenshots of every state are kept in `test-results/journey/`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from localcloud.testing import RunningCloud
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import chromium
from tests.e2e.waiting import until
from tests.journey import workloads
from tests.journey.workloads import Fault, serving

SHOTS = Path("test-results/journey")
NO_ROLE = Fault(
    revoked={
        "frontend": ("Key Vault Secrets User", "keyVault/frontend-signing-key"),
        "backend": ("Keyless Order Writer", "cosmos/orders"),
    }
)
PLACES = "From the cluster to the pod", "From the pod to Microsoft Entra ID", "From Entra’s token to Blob Storage"

REACHED, NOT_REACHED, BROKEN = "let in", "not reached", "broken"
STATES: dict[tuple[str, str], tuple[Fault, str, tuple[str, str, str]]] = {
    # the fault, the sentence at the top, and what the picture's text says of three links
    ("frontend", "whole"): (Fault(), "Every link holds", ("a projected token", "exchanged", REACHED)),
    ("backend", "whole"): (Fault(), "Every link holds", ("a projected token", "exchanged", REACHED)),
    ("frontend", "not labelled"): (workloads.NOT_LABELLED, "first link", (BROKEN, NOT_REACHED, NOT_REACHED)),
    ("frontend", "expired"): (workloads.EXPIRED, "first link", (BROKEN, NOT_REACHED, NOT_REACHED)),
    ("frontend", "refused"): (workloads.ANOTHER_NAMESPACE, "the exchange", ("a projected token", BROKEN, NOT_REACHED)),
    ("backend", "refused"): (workloads.ANOTHER_NAMESPACE, "the exchange", ("a projected token", BROKEN, NOT_REACHED)),
    ("frontend", "no role"): (NO_ROLE, "last link", ("a projected token", "exchanged", REACHED)),
    ("backend", "no role"): (NO_ROLE, "last link", ("a projected token", "exchanged", REACHED)),
    ("frontend", "no account"): (workloads.NO_SUCH_ACCOUNT, "last link", ("a projected token", "exchanged", BROKEN)),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page. An error in its console fails the test at its end."""
    context = browser.new_context()
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    assert [complaint for complaint in complaints if "status of 503" not in complaint] == []


@pytest.mark.parametrize(("workload", "state"), STATES)
def test_each_state_is_told_in_words_and_fits(cloud: RunningCloud, page: Page, workload: str, state: str) -> None:
    """The sentence and the picture's text say which link is broken. axe-core finds no violation, and nothing is wider
    than the screen."""
    fault, sentence, links = STATES[workload, state]
    with served(page, workload, cloud, fault) as url:
        until(lambda: sentence in read(f"{url}/identity"), bool)
        page.goto(f"{url}/identity")
        expect(page.locator(".holds, .breaks")).to_contain_text(sentence)
        texts = page.locator("#picture-text li").all_inner_texts()
        for place, said in zip(PLACES, links, strict=True):
            assert [text for text in texts if text.startswith(place) and said in text], texts
        picture = page.get_by_role("img", name=f"The token’s journey: {workload}")
        expect(picture).to_have_accessible_description(" ".join(texts))
        for width in (390, 1280):
            for scheme in ("light", "dark"):
                look(page, f"{workload}-{state}", width, scheme)


@contextmanager
def served(page: Page, workload: str, cloud: RunningCloud, fault: Fault) -> Iterator[str]:
    """The workload's URL. The page leaves it before the server ends, since a page that updates itself asks on."""
    with serving(workload, cloud, fault) as url:
        yield url
        page.goto("about:blank")


def look(page: Page, name: str, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.screenshot(path=SHOTS / f"{name.replace(' ', '-')}-{width}-{scheme}.png", full_page=True)
    if (width, scheme) in ((390, "dark"), (1280, "light")):  # the other two have the same colours and the same layout
        found = Axe().run(page).response["violations"]
        assert [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found] == [], name
    assert page.evaluate("document.documentElement.scrollWidth") <= width, name


def read(url: str) -> str:
    return httpx.get(url, headers={"Accept": "text/html"}, trust_env=False, timeout=30).text


def test_the_shops_address_leads_to_the_journey_while_the_frontend_is_not_ready(
    cloud: RunningCloud, page: Page
) -> None:
    """A browser that comes by port-forward is told which link is broken, and is led to the shop afterwards."""
    with served(page, "frontend", cloud, workloads.NOT_LABELLED) as url:
        answer = page.goto(url)
        assert answer is not None
        assert answer.status == 503
        expect(page.locator(".breaks")).to_contain_text("The chain breaks at its first link")
        look(page, "frontend-not-ready", 1280, "light")
        page.get_by_role("link", name="The token’s journey").click()
        expect(page.locator("#projected")).to_contain_text("azure.workload.identity/use")
    with served(page, "frontend", cloud, Fault()) as url:
        page.goto(url)
        expect(page.get_by_role("heading", name="Place an order")).to_be_visible()
