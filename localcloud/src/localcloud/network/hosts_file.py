"""The names of this cloud as a hosts file, for clients that look a name up before they ask the proxy for it."""

from collections.abc import Iterable
from pathlib import Path

_OF_THIS_MACHINE = Path("/etc/hosts")


def write(path: Path, names: Iterable[str]) -> None:
    """Write this machine's own hosts file (hosts(5)) to the path, with these names added at the loopback address.

    The machine's own lines are there because a JVM that reads this file reads no other and asks no name server.
    """
    own = _OF_THIS_MACHINE.read_text(errors="replace") if _OF_THIS_MACHINE.exists() else ""
    path.write_text(own.rstrip("\n") + "\n" + "".join(f"127.0.0.1 {name}\n" for name in names))
