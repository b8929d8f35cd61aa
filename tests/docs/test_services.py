"""The services' pages list the endpoints and the settings that the code has, with their defaults."""

import re
from unittest.mock import Mock

import pytest
from localcloud.settings import Settings as CloudSettings
from pydantic_settings import BaseSettings

from backend.settings import WorkerSettings
from frontend.bootstrap import create_app
from frontend.settings import ServerSettings, Settings
from tests.docs.pages import ROOT

FRONTEND = (ROOT / "frontend/README.md").read_text()
BACKEND = (ROOT / "backend/README.md").read_text()


def test_the_frontends_page_lists_its_endpoints() -> None:
    """Each address that is answered, but for those of the page's own buttons and files."""
    app = create_app(Mock(allowed_hosts=frozenset()), Mock())
    answered = {re.sub(r"<(\w+)>", r"{\1}", rule.rule) for rule in app.url_map.iter_rules()}
    section = FRONTEND.partition("## Endpoints")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE)
    told = {path for cell in cells for path in re.findall(r"`(?:[A-Z]+ )?(/[^`]*)`", cell)}
    own = {"/", "/identity/attempts/{name}", *(path for path in answered if path.startswith("/static/"))}
    assert told == answered - own


@pytest.mark.parametrize(
    ("page", "settings"),
    [(FRONTEND, (Settings, ServerSettings)), (BACKEND, (WorkerSettings,))],
    ids=["frontend", "backend"],
)
def test_a_services_page_lists_its_settings(page: str, settings: tuple[type[BaseSettings], ...]) -> None:
    """Each variable that the service reads, with its default."""
    fields = {name.upper(): field for kind in settings for name, field in kind.model_fields.items()}
    section = page.partition("## Settings")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in row[1:-1].split("|")] for row in section.splitlines() if row.startswith("| `")]
    told = {
        name: default.strip("` ")
        for names, defaults, *_ in rows
        for name, default in zip(re.findall(r"`(\w+)`", names), re.split(", (?!127|\\[)", defaults), strict=True)
    }
    assert told.keys() == fields.keys()
    given = {name: field.default for name, field in fields.items() if isinstance(field.default, str | int | float)}
    assert {name: told[name] for name in given} == {
        name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in given.items()
    }


def test_the_readme_names_the_ports_of_the_local_cloud() -> None:
    """Each with the setting that chooses another, and its default."""
    readme = re.sub(r"\s+", " ", (ROOT / "README.md").read_text())
    ports = {name: field.default for name, field in CloudSettings.model_fields.items() if name.endswith("_port")}
    told = {
        f"{name.lower()}_port": int(port)
        for port, name in re.findall(r"(\d+) for [^()]+\(`LOCALCLOUD_(\w+)_PORT`\)", readme)
    }
    assert told == {name: port for name, port in ports.items() if port}
