"""Which processes there are, and what they hold, as `ps` tells it on Linux and macOS alike."""

import subprocess
from collections.abc import Iterable
from pathlib import Path


def family(root: int) -> dict[int, str]:
    """The process and all that descend from it: their commands by process id."""
    table = _table()
    members = {root}
    while more := {pid for pid, (parent, _) in table.items() if parent in members} - members:
        members |= more
    return {pid: table[pid][1] for pid in members if pid in table}


def children(parent: int) -> list[int]:
    """The processes that this one has started."""
    return [pid for pid, (its_parent, _) in _table().items() if its_parent == parent]


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


def memory(pid: int) -> float:
    """What the process holds of the machine's memory, in megabytes."""
    return int(subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=True).stdout) / 1024


def descriptors(pid: int) -> int:
    """How many files, sockets and pipes the process has open."""
    listed = Path(f"/proc/{pid}/fd")
    if listed.is_dir():
        return len(list(listed.iterdir()))
    return len(subprocess.run(["lsof", "-p", str(pid)], capture_output=True, text=True).stdout.splitlines()) - 1


def connections(pid: int) -> int:
    """How many sockets are among them."""
    listed = Path(f"/proc/{pid}/fd")
    if listed.is_dir():
        return sum(str(path.readlink()).startswith("socket:") for path in listed.iterdir())
    return len(subprocess.run(["lsof", "-a", "-i", "-p", str(pid)], capture_output=True, text=True).stdout.splitlines())


def _table() -> dict[int, tuple[int, str]]:
    """Each process's parent and command."""
    rows = (line.split(maxsplit=2) for line in _ps("pid=,ppid=,command=").splitlines())
    return {int(pid): (int(parent), command) for pid, parent, command in rows}


def _ps(columns: str) -> str:
    return subprocess.run(["ps", "-A", "-ww", "-o", columns], capture_output=True, text=True, check=True).stdout
