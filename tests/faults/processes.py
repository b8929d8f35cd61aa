"""Which processes there are, as `ps` tells it on Linux and macOS alike."""

import subprocess
from collections.abc import Iterable


def family(root: int) -> dict[int, str]:
    """The process and all that descend from it: their commands by process id."""
    parents, commands = {}, {}
    for line in _ps("pid=,ppid=,command=").splitlines():
        pid, parent, command = line.split(maxsplit=2)
        parents[int(pid)], commands[int(pid)] = int(parent), command
    members = {root}
    while more := {pid for pid, parent in parents.items() if parent in members} - members:
        members |= more
    return {pid: commands[pid] for pid in members if pid in commands}


def azurite(cloud: int) -> int:
    """The process of the local cloud's Azurite."""
    (pid,) = [pid for pid, command in family(cloud).items() if "azurite" in command and "node" in command]
    return pid


def alive(pids: Iterable[int]) -> set[int]:
    """Those that run. One that has ended, and whose parent has not asked about it yet, does not."""
    states = {int(pid): state for pid, state in map(str.split, _ps("pid=,stat=").splitlines())}
    return {pid for pid in pids if not states.get(pid, "Z").startswith("Z")}


def mentioning(text: str) -> list[str]:
    """The commands that have this text in them."""
    return [command for command in _ps("command=").splitlines() if text in command]


def _ps(columns: str) -> str:
    return subprocess.run(["ps", "-A", "-ww", "-o", columns], capture_output=True, text=True, check=True).stdout
