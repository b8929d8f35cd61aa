"""What a workload does with each service, as it is written in a file of the workload's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Denied:
    """Something that a workload may not do: a data action on one entity of the access model, and why not."""

    does: str
    action: str
    scope: str
    reason: str


@dataclass(frozen=True, slots=True)
class Use:
    """What a workload does with a service, on one entity of the access model."""

    name: str
    service: str
    does: str
    scope: str
    denied: Denied | None = None


def read_uses(file: Traversable) -> list[Use]:
    """Read a mapping of names to uses, in the file's order."""
    uses: Mapping[str, dict[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return [
        Use(name, use["service"], use["does"], use["scope"], Denied(**use["denied"]) if "denied" in use else None)
        for name, use in uses.items()
    ]
