"""The measurements, in rounds: each figure and its ceiling are taken one after the other in the same round."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from bench import accepting, delay, receipting
from bench.accepting import APPLICATIONS, Accepted
from bench.cloud import Cloud
from bench.receipting import PROGRAMS, Receipted

CLIENTS = (1, 8, 32)
DELAY = 20.0  # milliseconds in each direction
ON_LINK = (4, 8)  # concurrencies of the worker on the delayed link


@dataclass(slots=True)
class Measured:
    """Every measurement by what was measured, one for each round.

    `accepted` is by name and clients, `half_load` by name, `receipted` by name, `on_link` by name and concurrency.
    """

    accepted: dict[tuple[str, int], list[Accepted]] = field(default_factory=dict)
    half_load: dict[str, list[Accepted]] = field(default_factory=dict)
    receipted: dict[str, list[Receipted]] = field(default_factory=dict)
    on_link: dict[tuple[str, int], list[Receipted]] = field(default_factory=dict)


def measure(cloud: Cloud, rounds: int, seconds: float, backlog: int) -> Measured:
    """Measure everything so many times. One measurement of accepting takes so many seconds."""
    measured = Measured()
    _accepting(cloud, measured, rounds, seconds)
    for _ in range(rounds):
        receipting.put(cloud, len(PROGRAMS) * backlog)
        for name, program in PROGRAMS.items():
            _add(measured.receipted, name, receipting.drained(cloud, program, backlog))
    with delay.link(cloud, DELAY) as delayed:
        for _ in range(rounds):
            receipting.put(cloud, len(PROGRAMS) * len(ON_LINK) * backlog // 2)
            for concurrency in ON_LINK:
                for name, program in PROGRAMS.items():
                    result = receipting.drained(cloud, program, backlog // 2, concurrency, delayed)
                    _add(measured.on_link, (name, concurrency), result)
    return measured


def _accepting(cloud: Cloud, measured: Measured, rounds: int, seconds: float) -> None:
    with ExitStack() as stack:
        servers = {name: stack.enter_context(accepting.served(cloud, app)) for name, app in APPLICATIONS.items()}
        for _ in range(rounds):
            for clients in CLIENTS:
                for name, server in servers.items():
                    result = accepting.by_server(cloud, server, clients, seconds)
                    _add(measured.accepted, (name, clients), result)
                _add(measured.accepted, ("bare SDK", clients), accepting.by_sdk(cloud, clients, seconds))
            half = measured.accepted["Keyless", CLIENTS[-1]][-1].rate / 2
            for name in ("Keyless", "no-op route"):
                result = accepting.by_server(cloud, servers[name], CLIENTS[-1], seconds, half)
                _add(measured.half_load, name, result)


def _add(results: dict[Any, list[Any]], key: object, result: object) -> None:
    results.setdefault(key, []).append(result)
