"""Make the README's pictures again: `python -m docs.images` draws the architecture and photographs `/identity`."""

import sys
import tempfile
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import ViewportSize

from demo.stack import Stack, StackFailed
from docs.images.architecture import SCHEMES, picture
from tests.e2e.browser import chromium

HERE = Path(__file__).parent
FREE_PORTS = ("--ephemeral", "--proxy-port=0", "--amqp-port=0", "--dashboard-port=0", "--service-port=frontend=0")
SIZE: ViewportSize = {"width": 1280, "height": 900}
COLOURS: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def draw() -> None:
    """Write the architecture for light and for dark pages."""
    for scheme in SCHEMES:
        (HERE / f"architecture-{scheme}.svg").write_text(picture(scheme))


def photograph() -> None:
    """Start an application, and write the top of its page `/identity` for light and for dark pages."""
    with tempfile.TemporaryDirectory(prefix="keyless-") as state, Stack(Path(state), FREE_PORTS) as stack:
        url = stack.start()
        with chromium() as browser:
            for scheme in COLOURS:
                page = browser.new_page(viewport=SIZE, color_scheme=scheme)
                page.goto(f"{url}/identity")
                page.screenshot(path=HERE / f"identity-{scheme}.png")


def main() -> None:
    draw()
    try:
        photograph()
    except (StackFailed, pytest.skip.Exception) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
