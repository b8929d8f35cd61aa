"""The secrets that a vault on Azure does not have, though a workload has a role on them.

`az keyvault secret list` and `list-deleted` name secrets and never their values
(https://learn.microsoft.com/cli/azure/keyvault/secret).
"""

from localcloud.authorization.workload import Workload
from localcloud.doctor.commands import CommandFailed, Commands
from localcloud.doctor.facts import AbsentSecret


class Secrets:
    """The vaults of one resource group. Without the right to list secrets, none counts as absent."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self._names: tuple[set[str], set[str]] | None = None

    def absent(self, meant: Workload) -> tuple[AbsentSecret, ...]:
        if self._names is None:
            self._names = self._read()
        present, deleted = self._names
        named = [grant.scope.partition("/")[2] for grant in meant.grants if grant.scope.startswith("keyVault/")]
        if not present and not deleted:
            return ()
        return tuple(
            AbsentSecret(name, name.lower() in deleted)
            for name in dict.fromkeys(named)
            if name != "*" and name.lower() not in present
        )

    def _read(self) -> tuple[set[str], set[str]]:
        present: set[str] = set()
        deleted: set[str] = set()
        try:
            for vault in self._commands.az("keyvault", "list"):
                named = ("--vault-name", vault["name"])
                for found, words in ((present, "list"), (deleted, "list-deleted")):
                    listed = self._commands.az("keyvault", "secret", words, *named, grouped=False)
                    found.update(each["name"].lower() for each in listed)
        except CommandFailed:
            return set(), set()
        return present, deleted
