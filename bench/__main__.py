"""`python -m bench` measures, and writes `bench/results.json` and the charts.

`python -m bench --counts` measures nothing, and fails if a count is wrong.
"""

import argparse
import sys

from bench import charts, cloud, counts, goals, report, run
from demo.stack import ROOT


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--counts", action="store_true", help="fail on counts only, and measure nothing")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="for one measurement of accepting")
    parser.add_argument("--backlog", type=int, default=300, help="orders for one measurement of receipting")
    arguments = parser.parse_args()
    with cloud.running() as running:
        if arguments.counts:
            faults = counts.faults(running)
            print("\n".join(faults) or "No order is lost, and none costs a token or a connection.")
            return int(bool(faults))
        measured = run.measure(running, arguments.rounds, arguments.seconds, arguments.backlog)
    verdicts = goals.verdicts(measured)
    report.show(measured, verdicts)
    report.write(ROOT / "bench", measured, verdicts)
    charts.write(ROOT / "docs" / "images", measured)
    return 0


sys.exit(main())
