"""A small process that kills the pods' processes when the local cloud ends, even by SIGKILL.

It watches the local cloud through a pipe, which the system closes at the end. It then kills every process group that it
was told of. It needs POSIX only, so it works on Linux and macOS.
"""

import contextlib
import os
import signal
import subprocess
import sys


class Reaper:
    """Start the watching process, and tell it which process groups exist."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this very file
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            env={},
        )

    def watch(self, group: int) -> None:
        """Kill this process group when the local cloud ends."""
        self._tell(f"+{group}\n")

    def forget(self, group: int) -> None:
        """Forget the group: it has ended, and the system may give its number to another process."""
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """Kill the groups that are still watched, and end the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            os.write(self._process.stdin.fileno(), line.encode())  # shorter than PIPE_BUF, so never torn


def kill_group(group: int) -> None:
    """Send SIGKILL to every process of the group, if there is still one."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
        os.killpg(group, signal.SIGKILL)


def main() -> None:
    """Read `+group` and `-group` until the pipe ends, then kill the groups that are left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    for group in groups:
        kill_group(group)


if __name__ == "__main__":
    main()
