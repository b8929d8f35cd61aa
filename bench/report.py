"""Print the results, and write them to `bench/results.json` with the machine and the versions that they hold for."""

import dataclasses
import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from bench.goals import Verdict, spread
from bench.run import CLIENTS, Measured

_PACKAGES = ("azure-servicebus", "azure-cosmos", "azure-storage-blob", "azure-identity", "aiohttp", "flask", "gunicorn")


def show(measured: Measured, verdicts: list[Verdict]) -> None:
    """Print each figure, and each goal with its verdict."""
    console = Console(width=120, highlight=False)
    accepted = Table("accepting", *(f"{clients} clients, orders/s" for clients in CLIENTS), "CPU ms", "p99 ms")
    for name in dict.fromkeys(name for name, _ in measured.accepted):
        results = [measured.accepted[name, clients] for clients in CLIENTS]
        rates = [str(spread(r.rate for r in rounds)) for rounds in results]
        busiest = results[-1]
        accepted.add_row(name, *rates, str(spread(r.cpu for r in busiest)), str(spread(r.p99 for r in busiest)))
    receipted = Table("receipting", "orders/s", "CPU ms", "local cloud's CPU ms")
    rows = {**measured.receipted, **{f"{n}, {c} at once, delayed": r for (n, c), r in measured.on_link.items()}}
    for name, rounds in rows.items():
        figures = [spread(r.rate for r in rounds), spread(r.cpu for r in rounds), spread(r.cloud_cpu for r in rounds)]
        receipted.add_row(name, *map(str, figures))
    goals = Table("goal", "measured", "wanted", "verdict")
    for verdict in verdicts:
        wanted = f"{'≥' if verdict.at_least else '≤'} {verdict.goal:g}"
        goals.add_row(verdict.what, str(verdict.figure), wanted, "met" if verdict.met else "NOT MET")
    for table in (accepted, receipted, goals):
        console.print(table)


def write(folder: Path, measured: Measured, verdicts: list[Verdict]) -> None:
    """Write the results."""
    results = {
        "machine": {
            "system": platform.platform(),
            "python": platform.python_version(),
            "processors": psutil.cpu_count(),
            "load before": psutil.getloadavg()[2],
        },
        "versions": {name: version(name) for name in _PACKAGES},
        "goals": [{**dataclasses.asdict(verdict), "met": verdict.met} for verdict in verdicts],
        "accepted": _listed(measured.accepted),
        "half load": _listed(measured.half_load),
        "receipted": _listed(measured.receipted),
        "on a delayed link": _listed(measured.on_link),
    }
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")


def _listed(results: dict[Any, list[Any]]) -> list[dict[str, Any]]:
    """Return the rounds by name: a key is a name, or a name and a number of clients or of hands."""
    return [
        {
            "what": key if isinstance(key, str) else f"{key[0]}, {key[1]}",
            "rounds": [dataclasses.asdict(r) for r in rounds],
        }
        for key, rounds in results.items()
    ]
