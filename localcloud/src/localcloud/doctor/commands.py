"""kubectl and az, as the doctor runs them: every command only reads."""

import json
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

Run = Callable[[Sequence[str]], str]
Object = dict[str, Any]


class CommandFailed(Exception):
    """kubectl or az can't answer; the message is its own."""


def run(command: Sequence[str]) -> str:
    """What the command prints. Raises `CommandFailed`."""
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - ours alone
    except FileNotFoundError as error:
        raise CommandFailed(f"{command[0]} is not installed") from error
    except subprocess.CalledProcessError as error:
        raise CommandFailed(f"{' '.join(command[:3])}: {error.stderr.strip()}") from error


class Commands:
    """`group` is the resource group that `az` looks in. Each method raises `CommandFailed`."""

    def __init__(self, group: str, run: Run) -> None:
        self._group = group
        self._run = run

    def issuer(self) -> str:
        """The issuer of the cluster's service account tokens."""
        return str(json.loads(self._run(["kubectl", "get", "--raw", "/.well-known/openid-configuration"]))["issuer"])

    def objects(self, kind: str, namespace: str) -> list[Object]:
        listed = self._run(["kubectl", "get", kind, "--namespace", namespace, "--output", "json"])
        return list(json.loads(listed)["items"])

    def log(self, pod: str, namespace: str) -> str:
        """The newest lines of a pod's log."""
        return self._run(["kubectl", "logs", pod, "--namespace", namespace, "--all-containers", "--tail", "200"])

    def az(self, *words: str, grouped: bool = True) -> list[Object]:
        """What an `az … list` lists. `grouped` is whether the command knows resource groups."""
        group = ("--resource-group", self._group) if grouped else ()
        return list(json.loads(self._run(["az", *words, *group, "--output", "json"])))
