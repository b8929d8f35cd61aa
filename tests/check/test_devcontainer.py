"""The dev container, and so a codespace, is one image that does not change, with the tools of `make`."""

import json
import re

from tests.docs.pages import ROOT

CONTAINER = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
MAKEFILE = (ROOT / "Makefile").read_text()


def test_the_image_is_pinned_by_its_digest() -> None:
    """A tag may be moved, a digest names one image."""
    assert re.fullmatch(r"mcr\.microsoft\.com/devcontainers/python:[\w.-]+@sha256:[0-9a-f]{64}", CONTAINER["image"])


def test_its_commands_are_verbs_of_make() -> None:
    """What is run when it is made exists, and installs the tools."""
    verb = CONTAINER["onCreateCommand"].removeprefix("make ")
    assert re.search(rf"^{verb}:\n\t@\$\(PYTHON\) tools/bootstrap.py$", MAKEFILE, re.MULTILINE)


def test_the_forwarded_port_is_the_pages() -> None:
    """Only the page is forwarded. The local cloud's ports stay inside."""
    (port,) = CONTAINER["forwardPorts"]
    assert f"PORT ?= {port}\n" in MAKEFILE
    assert CONTAINER["otherPortsAttributes"] == {"onAutoForward": "ignore"}
