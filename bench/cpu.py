"""The processor time that processes have used."""

import psutil


def used(process: psutil.Process) -> float:
    """Return the seconds that the process and all below it have used so far."""
    family = [process, *process.children(recursive=True)]
    return float(sum(sum(member.cpu_times()[:2]) for member in family))
