"""`python -m demo.lab` lists the labs, `python -m demo.lab NAME` runs one, `python -m demo.lab all` runs each.

`--junit FILE` also writes what came of them as JUnit's XML.
"""

import argparse
import signal
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

from localcloud.operator.lines import refusal, say, step

from demo.lab.bench import Bench, bench
from demo.lab.lab import Lab, LabFileError, load, names
from demo.lab.telling import tell
from demo.stack import StackFailed


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo.lab", description=__doc__)
    parser.add_argument("name", nargs="?", help="the lab, or all")
    parser.add_argument("--junit", type=Path, help="a file for the report")
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        if arguments.name is None:
            return _list()
        labs = [load(name) for name in (names() if arguments.name == "all" else [arguments.name])]
        return _run(labs, arguments.junit)
    except (LabFileError, StackFailed) as error:
        refusal(str(error))
        return 1
    except (KeyboardInterrupt, EOFError):
        return 130


def _list() -> int:
    say("Each lab breaks one link in an application of its own, says first what will happen, and mends it.")
    say("Run one with `make lab NAME=…`, or all with `make lab NAME=all`.")
    say("")
    for name in names():
        say(f"  {name:<34} {load(name).title}")
    return 0


def _run(labs: list[Lab], junit: Path | None) -> int:
    say("An application of the lab's own is started. Your checkout, and one that runs, are left alone.")
    report = ElementTree.Element("testsuite", name="labs")
    failed = 0
    with bench() as application:
        step(f"it serves at {application.url}, and at {application.url}/identity")
        for lab in labs:
            failed += _one(lab, application, report)
    if junit:
        ElementTree.ElementTree(report).write(junit)
    if len(labs) > 1:
        say("")
        (refusal if failed else step)(f"{len(labs) - failed} of {len(labs)} labs went as predicted")
    return 1 if failed else 0


def _one(lab: Lab, application: Bench, report: ElementTree.Element) -> bool:
    """Whether it went otherwise than predicted."""
    began = time.monotonic()
    differences = tell(lab, application)
    seconds = f"{time.monotonic() - began:.1f}"
    case = ElementTree.SubElement(report, "testcase", classname="labs", name=lab.name, time=seconds)
    for difference in differences:
        ElementTree.SubElement(case, "failure", message=difference)
    return bool(differences)


if __name__ == "__main__":
    sys.exit(main())
