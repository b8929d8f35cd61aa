"""A Chromium for the page's tests: the machine's own, or Playwright's."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

HOW_TO_HAVE_ONE = (
    "the page's tests need Chromium: `apt-get install chromium`, or `.venv/bin/playwright install chromium`"
)

# A headless browser under test needs no account, no updates and no other contact with the world.
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser; without one the test is skipped, with a sentence that says how to have it."""
    with sync_playwright() as playwright:
        own = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        try:
            browser = playwright.chromium.launch(executable_path=own, args=_ARGUMENTS)
        except Error:
            pytest.skip(HOW_TO_HAVE_ONE)
        yield browser
        browser.close()
