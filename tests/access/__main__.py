"""`python -m tests.access`: every workload does once all that it does, and what it was granted is compared with it."""

import contextlib
import io
import logging
import sys

from localcloud.operator.least_privilege import least_privilege
from localcloud.operator.lines import step
from localcloud.testing import RunningCloud, reached_as_from_a_pod, running_cloud
from rich.console import Console

from tests.access import model
from tests.access.application import NAME, hand_over_keys
from tests.access.workloads import EVERYTHING


def do_everything(cloud: RunningCloud) -> None:
    """Do all that the workloads do, each as itself, and print none of what they print."""
    with contextlib.redirect_stdout(io.StringIO()):
        for act in EVERYTHING:
            act(cloud)


def main() -> None:
    logging.disable(logging.WARNING)
    with running_cloud(model.FILE, name=NAME) as cloud, reached_as_from_a_pod(cloud):
        hand_over_keys(cloud)
        do_everything(cloud)
        step(f"{len(EVERYTHING)} things done by {len(model.MODEL['workloads'])} workloads")
        console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
        least_privilege(model.FILE, cloud.cloud.settings.state / "audit.jsonl", "table", console)


if __name__ == "__main__":
    main()
