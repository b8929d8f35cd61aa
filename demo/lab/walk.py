"""Runs many labs unattended, three at a time, and compares each with its prediction."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from xml.etree import ElementTree

from localcloud.operator.lines import refusal, say, step
from rich.console import Console
from rich.table import Table

from demo.lab.bench import Bench, own_bench
from demo.lab.lab import Lab
from demo.lab.observation import Observation
from demo.lab.rehearsing import rehearse

_BENCHES = 3  # applications at a time: a lab mostly waits for probes and pauses


def walk(labs: list[Lab], junit: Path | None) -> int:
    """Run them, print one line for each and a table at the end; return an exit code. Raises `StackFailed`."""
    began = time.monotonic()
    say(f"{_BENCHES} applications of the labs' own are started. Your checkout, and one that runs, are left alone.")
    report = ElementTree.Element("testsuite", name="labs")
    walked: dict[str, Observation] = {}
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(_BENCHES))
        for lab, observation in _walked(labs, pool, stack):
            walked[lab.name] = observation
            _tell(lab, observation)
            _report(lab, observation, report)
    if junit:
        ElementTree.ElementTree(report).write(junit)
    _summary([(lab, walked[lab.name]) for lab in labs])
    failed = sum(bool(walked[lab.name].differences(lab)) for lab in labs)
    took = f"in {time.monotonic() - began:.0f} s"
    (refusal if failed else step)(f"{len(labs) - failed} of {len(labs)} labs went as predicted, {took}")
    return 1 if failed else 0


def _walked(labs: list[Lab], pool: ThreadPoolExecutor, stack: ExitStack) -> Iterator[tuple[Lab, Observation]]:
    """What came of each, in the order of the labs."""
    free: SimpleQueue[Bench] = SimpleQueue()
    for bench in pool.map(stack.enter_context, [own_bench() for _ in range(min(_BENCHES, len(labs)))]):
        free.put(bench)

    def run(lab: Lab) -> Observation:
        bench = free.get()
        try:
            with rehearse(lab, bench) as observation:
                pass
            return observation
        finally:
            free.put(bench)

    return zip(labs, pool.map(run, labs), strict=True)


def _tell(lab: Lab, observation: Observation) -> None:
    differences = observation.differences(lab)
    seen = ", ".join(f"{place} {seconds:.0f} s" for place, (_text, seconds) in observation.seen.items())
    (refusal if differences else step)(f"{lab.name:<34} {seen}; well again {observation.mended:.0f} s")
    for difference in differences:
        say(f"    not as predicted: {difference}")


def _report(lab: Lab, observation: Observation, report: ElementTree.Element) -> None:
    seconds = max((seconds for _text, seconds in observation.seen.values()), default=0.0) + observation.mended
    case = ElementTree.SubElement(report, "testcase", classname="labs", name=lab.name, time=f"{seconds:.1f}")
    for difference in observation.differences(lab):
        ElementTree.SubElement(case, "failure", message=difference)


def _summary(walked: list[tuple[Lab, Observation]]) -> None:
    table = Table("lab", "the doctor's link", "first seen", "after", "code or text", box=None, pad_edge=False)
    for lab, observation in walked:
        first = min(observation.seen.items(), key=lambda item: item[1][1], default=None)
        place, seconds = (first[0], f"{first[1][1]:.1f} s") if first else ("", "")
        link = f"{lab.link} of {' and '.join((lab.workload, *lab.also))}"
        table.add_row(lab.name, link, place, seconds, lab.shows[place] if first else "nothing as predicted")  # type: ignore[index]
    say("")
    Console(width=160, highlight=False).print(table)
    say("")
