"""`python -m demo.lab` lists the labs, `python -m demo.lab NAME` runs one, `python -m demo.lab all` runs each.

One lab is run in the application that `make run` serves with this `--state`, or else in one of its own. All labs are
run in applications of their own, three at a time. `--junit FILE` also writes what came of them as JUnit's XML.
"""

import argparse
import signal
import sys
from pathlib import Path

from localcloud.operator.client import ControlError
from localcloud.operator.lines import refusal, say, step

from demo.lab.bench import own_bench, running_bench
from demo.lab.lab import LabFileError, load, names
from demo.lab.telling import tell
from demo.lab.walk import walk
from demo.stack import ROOT, StackFailed


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo.lab", description=__doc__)
    parser.add_argument("name", nargs="?", help="the lab, or all")
    parser.add_argument("--state", type=Path, default=ROOT / ".local", help="the folder of a local cloud that runs")
    parser.add_argument("--junit", type=Path, help="a file for the report")
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        if arguments.name is None:
            return _list()
        if arguments.name == "all":
            return walk([load(name) for name in names()], arguments.junit)
        return _one(arguments.name, arguments.state)
    except (LabFileError, StackFailed, ControlError) as error:
        refusal(str(error))
        return 1
    except (KeyboardInterrupt, EOFError):
        return 130


def _list() -> int:
    say("Each lab breaks one link, says first what will happen, and mends it.")
    say(
        "Run one with `make lab NAME=…`, in the application that `make run` serves or, if none does, in one of its own;"
    )
    say("or run all with `make lab NAME=all`. None touches your checkout.")
    say("")
    for name in names():
        say(f"  {name:<34} {load(name).title}")
    return 0


def _one(name: str, state: Path) -> int:
    lab = load(name)
    with running_bench(state) as running:
        if running is not None:
            step(f"the lab is in the running application, {running.url}, which follows copies of its files meanwhile")
            return 1 if tell(lab, running).differences(lab) else 0
    say("An application of the lab's own is started, since none runs. Your checkout is left alone.")
    with own_bench() as own:
        step(f"it serves at {own.url}, and at {own.url}/identity")
        return 1 if tell(lab, own).differences(lab) else 0


if __name__ == "__main__":
    sys.exit(main())
