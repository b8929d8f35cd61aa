"""The journey as a page. It needs no script; a workload serves the folder `ASSETS` beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from workload.durations import in_words
from workload.journey.chain import EXPLANATIONS
from workload.journey.links import Journey, Lifetime

TEMPLATES = Path(__file__).parent / "templates"
ASSETS = Path(__file__).parent / "assets"

_WIDTH = 1000


@dataclass(frozen=True, slots=True)
class Bar:
    """One token's life on a time line that all bars share, in thousandths of its length."""

    name: str
    lifetime: Lifetime
    issued: int
    renewed: int
    expires: int
    now: int


def context(journey: Journey) -> dict[str, Any]:
    """Return what the template `journey.html` works with, beside `layout` and `assets`."""
    return {"journey": journey, "explanations": EXPLANATIONS, "bars": _bars(journey.lifetimes, journey.at)}


def environment(assets: str) -> Environment:
    """Return the templates by themselves, for a workload without any of its own. `assets` is the folder's URL."""
    found = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True)
    found.filters["from_now"] = from_now
    found.globals["assets"] = assets
    return found


def from_now(at: datetime, now: datetime) -> str:
    """Return how far a time is from now, such as "in 5 minutes"."""
    seconds = (at - now).total_seconds()
    return f"in {in_words(seconds)}" if seconds > 0 else f"{in_words(-seconds)} ago"


def _bars(lifetimes: Mapping[str, Lifetime], now: datetime) -> list[Bar]:
    if not lifetimes:
        return []
    begin = min(now, *(lifetime.issued for lifetime in lifetimes.values()))
    end = max(now, *(lifetime.expires for lifetime in lifetimes.values()))

    def place(at: datetime, after: datetime) -> int:
        return round(_WIDTH * ((max(at, after) - begin) / (end - begin)))

    return [
        Bar(
            name,
            life,
            place(life.issued, begin),
            place(life.renewed, life.issued),
            place(life.expires, max(life.issued, life.renewed)),
            place(now, begin),
        )
        for name, life in lifetimes.items()
    ]
