"""The `az` lines of the documentation, read by the real Azure CLI: a reader can copy each as it stands.

Lines with an ellipsis are left out, and so is a command that is only named. A value in angle brackets stands for an id,
or for a registry's name.
"""

import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.check.azure_cli import SIGN_IN, AzureCli

PAGES = [*Path("docs").rglob("*.md"), *Path("k8s").rglob("*.md"), *Path("infra").rglob("*.md"), Path("README.md")]
WORKS_ALONE = ("az login", "az bicep", "az keyvault certificate import")
"""Needs no sign-in, or looks for a file of the reader's first."""


def test_every_line_of_the_documentation_is_understood(azure_cli: AzureCli) -> None:
    """No command or option in the documentation is misspelt or gone."""
    lines = sorted({line for page in PAGES for line in _lines(page.read_text())})
    assert len(lines) > 15
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda line: azure_cli.run(shlex.split(line)[1:]).stderr, lines)
    assert {line: words for line, words in zip(lines, answers, strict=True) if SIGN_IN not in words} == {}


def _lines(page: str) -> list[str]:
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL)).replace("\\\n", "")
    found = re.findall(r"`(az [^`\n]+)`", page) + re.findall(r"^\s*(az [^\n]+)", blocks, re.MULTILINE)
    found += re.findall(r"\$\((az [^)\n]+)\)", blocks)
    named = [line.replace("<registry>", "registry") for line in found]
    cleaned = [re.sub(r"<[^>]+>", "/subscriptions/x", re.split(r"  #| > ", line)[0]).strip() for line in named]
    return [line for line in cleaned if "…" not in line and " -" in line and not line.startswith(WORKS_ALONE)]
