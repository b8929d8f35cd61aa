"""What each workload did and was denied, counted from the audit trail."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from localcloud.authorization.model import covers


class Denial(NamedTuple):
    """An action that was refused on a scope, and why."""

    action: str
    scope: str
    reason: str


class Usage:
    """One workload's accesses: the actions that were allowed by scope, and how often each other one was denied."""

    def __init__(self) -> None:
        self.allowed: defaultdict[str, set[str]] = defaultdict(set)
        self.denied: Counter[Denial] = Counter()

    def within(self, granted: str) -> dict[str, set[str]]:
        """Return the actions used by scope, of the scopes that a grant on `granted` covers.

        What was asked of a service as a whole, such as an account's metadata, counts for each of its grants.
        """
        return {scope: actions for scope, actions in self.allowed.items() if covers(granted, scope)}


def usage_of(entries: Iterable[dict[str, Any]]) -> dict[str, Usage]:
    """Return the usage by workload. `entries` are those of `audit.entries`; those of no workload are left out."""
    usage: defaultdict[str, Usage] = defaultdict(Usage)
    for entry in entries:
        if entry.get("kind") != "access" or not entry.get("workload"):
            continue
        mine = usage[entry["workload"]]
        if entry["allowed"]:
            mine.allowed[entry["scope"]].add(entry["action"])
        else:
            mine.denied[Denial(entry["action"], entry["scope"], entry["reason"] or "")] += 1
    return dict(usage)
