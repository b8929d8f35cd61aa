"""Render the dashboard's pages. What a caller has sent is escaped, and a token in it is left out."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.templating import Jinja2Templates

from localcloud.authorization.redaction import without_tokens
from localcloud.operator.summary import short_action

_TEMPLATES = Path(__file__).parent / "templates"


def shown(value: Any) -> Any:
    """Return the value as text without tokens. Markup is left as it is."""
    return value if isinstance(value, Markup) else without_tokens(str(value))


def moment(seconds: float) -> Markup:
    """Return a Unix time as this machine's time of day, with the date in a `time` element."""
    local = datetime.fromtimestamp(seconds).astimezone()
    today = local.date() == datetime.now().astimezone().date()
    text = local.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S")
    machine = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    return Markup('<time datetime="{}">{}</time>').format(machine, text)


def breakable(text: str) -> Markup:
    """Return a path as text in which a line may break after each slash."""
    return Markup("/<wbr>").join(without_tokens(text).split("/"))


def templates() -> Jinja2Templates:
    """Return the pages' templates. Every expression in them passes `shown`."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "moment": moment,
        "short": short_action,
        "breakable": breakable,
        "segment": lambda text: quote(text, safe=""),
    }
    return Jinja2Templates(env=environment)
