"""The local cloud's pages say what is so: the tests behind their claims exist, and their lists are the code's."""

import re
import sys
from pathlib import Path
from unittest.mock import Mock

from localcloud.entra import errors
from localcloud.entra.routes import Entra
from localcloud.keyvault import limits
from localcloud.keyvault.routes import Vault
from localcloud.settings import Settings
from starlette.routing import Route

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs/azure.md").read_text()
ENTRA, KEY_VAULT = (PROJECT / "docs/entra.md").read_text(), (PROJECT / "docs/keyvault.md").read_text()
OTHERS = "".join(
    (PROJECT / f"docs/{name}.md").read_text()
    for name in ("bindings", "blob", "cosmos", "dashboard", "languages", "servicebus")
)
PAGES = PAGE + ENTRA + KEY_VAULT + OTHERS
TESTS = PROJECT / "tests"


def test_every_proof_is_a_test() -> None:
    """A claim without its test is no claim: each name on the pages is that of a test of the local cloud."""
    named = set(re.findall(r"`(test_\w+)`", PAGES))
    defined = {name for file in TESTS.rglob("test_*.py") for name in re.findall(r"def (test_\w+)", file.read_text())}
    assert named - defined == set()
    assert len(named) > 50


def test_every_setting_is_told() -> None:
    """With its default, in the order in which they are declared."""
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", PAGE[PAGE.index("## Settings") :], re.MULTILINE)
    assert rows == [(name, _default(field.default)) for name, field in Settings.model_fields.items()]


def test_key_vaults_operations_are_the_codes() -> None:
    """Each operation with its request and its action, in the same order."""
    rows = re.findall(r"^\| ([\w ]+) \| `(\w+) (\S+)` \| `(\S+)` \|", KEY_VAULT, re.MULTILINE)
    assert rows == [
        (each.name, each.method, each.path, each.action.removeprefix("Microsoft.KeyVault/vaults/secrets/"))
        for each in Vault(Mock(), Mock(), "").operations()
    ]


def test_key_vaults_limits_are_the_codes() -> None:
    """Every number that the code holds stands in the table."""
    table = KEY_VAULT[KEY_VAULT.index("## Limits") :]
    numbers = [value for name, value in vars(limits).items() if name.isupper() and isinstance(value, int)]
    assert len(numbers) == 7
    assert [number for number in numbers if not re.search(rf"\b{number}\b", table)] == []


def test_entras_endpoints_are_the_codes() -> None:
    """Each path that is answered, and no other."""
    rows = set(re.findall(r"^\| `(GET|POST) (\S+)` \|", ENTRA, re.MULTILINE))
    app = Entra(Mock(), Mock(), Mock(), frozenset(), Mock()).app()
    routes = [route for route in app.routes if isinstance(route, Route) and "rest" not in route.path]
    assert rows == {("POST" if "POST" in (route.methods or ()) else "GET", route.path) for route in routes}


def test_entras_codes_are_the_codes() -> None:
    """Each code that is answered is explained, and no other."""
    table = ENTRA[ENTRA.index("## Refusals") :]
    told = {code for cell in re.findall(r"^\| [^|]+ \| ([\d;, ]+) \|", table, re.MULTILINE) for code in cell.split()}
    source = Path(errors.__file__).read_text()
    answered = set(re.findall(r"(?:EntraError|_no_match)\(\s*(\d+),", source))
    assert {code.strip(";,") for code in told} == answered


def _default(value: object) -> str:
    if isinstance(value, Path) and value.is_relative_to(sys.prefix):
        return f"`{value.relative_to(sys.prefix)}` of the Python environment"
    return f"`{value}`" if value is not None and value != [] else "none"
