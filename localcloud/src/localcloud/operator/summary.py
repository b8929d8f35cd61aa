"""The audit trail as a table: workload, action, scope, count, allowed or denied."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from localcloud.authorization import audit
from localcloud.operator.lines import visible

_PROVIDERS = (
    "Microsoft.KeyVault/vaults/",
    "Microsoft.DocumentDB/databaseAccounts/",
    "Microsoft.Storage/",
    "Microsoft.",
)


def access_table(trail: Path, console: Console) -> None:
    """Print the accesses of the trail, then the token exchanges."""
    accesses: Counter[tuple[str, ...]] = Counter()
    exchanges: Counter[tuple[str, ...]] = Counter()
    newest: dict[tuple[str, ...], str] = {}
    key: tuple[str, ...]
    for e in audit.entries(trail):
        if e["kind"] == "access":
            result = "allowed" if e["allowed"] else "denied"
            accesses[e["workload"] or "?", e["principal"] or "?", e["action"], e["scope"], result] += 1
        elif e["kind"] == "exchange":
            key = e["workload"] or "?", e["pod"] or "?", e["resource"] or "?", e["result"]
            exchanges[key] += 1
            newest[key] = e["uti"] or ""

    table = Table("workload", "identity", "action", "scope", box=SIMPLE_HEAD, title="Access", title_justify="left")
    table.add_column("count", justify="right")
    table.add_column("result")
    for (workload, principal, action, scope, result), count in sorted(accesses.items()):
        style = "" if result == "allowed" else "red"
        table.add_row(*_cells(workload, principal[:8], short_action(action), scope, str(count), result), style=style)
    console.print(table)

    tokens = Table("workload", "pod", "for", box=SIMPLE_HEAD, title="Token exchanges", title_justify="left")
    tokens.add_column("count", justify="right")
    tokens.add_column("result")
    tokens.add_column("newest token's uti", no_wrap=True)
    for key, count in sorted(exchanges.items()):
        workload, pod, resource, result = key
        style = "" if result == "ok" else "red"
        tokens.add_row(*_cells(workload, pod, resource, str(count), result, newest[key]), style=style)
    console.print(tokens)


def _cells(*values: str) -> Iterator[Text]:
    """Return the values as plain text, since a name in a request may look like markup."""
    return (Text(visible(value)) for value in values)


def short_action(action: str) -> str:
    """Return the action without its provider, which the scope names already."""
    for prefix in _PROVIDERS:
        action = action.removeprefix(prefix)
    return action
