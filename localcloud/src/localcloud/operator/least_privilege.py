"""`localcloud least-privilege`: what is granted and was never used, and the smallest roles that would do."""

from pathlib import Path

import yaml
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from localcloud.authorization import audit
from localcloud.authorization.least_privilege import Report, ScopeUse, report
from localcloud.authorization.model import AccessModel
from localcloud.authorization.smallest_model import smallest
from localcloud.authorization.usage import usage_of
from localcloud.blob.actions import ACTIONS as BLOB
from localcloud.cosmos.actions import ACTIONS as COSMOS
from localcloud.keyvault.actions import ACTIONS as KEY_VAULT
from localcloud.operator.bicep import bicep
from localcloud.operator.lines import visible
from localcloud.operator.terraform import terraform
from localcloud.servicebus.actions import actions_on as servicebus_actions_on

_ACTIONS = {"keyVault": KEY_VAULT, "cosmos": COSMOS, "blob": BLOB}
_PREFIXES = (
    "Microsoft.KeyVault/vaults/",
    "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/",
    "Microsoft.DocumentDB/databaseAccounts/",
    "Microsoft.Storage/storageAccounts/blobServices/",
    "Microsoft.ServiceBus/namespaces/",
)


def actions_on(scope: str) -> tuple[str, ...]:
    """The actions that the services ask for on a scope of the access model."""
    service, _, _ = scope.partition("/")
    return servicebus_actions_on(scope) if service == "serviceBus" else _ACTIONS[service]


def least_privilege(access: Path, trail: Path, form: str, console: Console) -> None:
    """Print the comparison of the access model with the trail as a table, or the smallest model in another form.

    Raises `AccessFileError` if the model can't be read.
    """
    model = AccessModel.load(access)
    found = report(model, usage_of(audit.entries(trail)), actions_on)
    match form:
        case "access.yaml":
            print(access_yaml(smallest(model, found)), end="")
        case "bicep":
            print(bicep(smallest(model, found)), end="")
        case "terraform":
            print(terraform(smallest(model, found)), end="")
        case _:
            _print_tables(found, console)


def access_yaml(model: AccessModel) -> str:
    """Return the model as a file. What stands at its default is left out."""
    content = model.model_dump(mode="json", exclude_defaults=True)
    if topics := content["entities"].pop("topics", None):
        content["entities"].setdefault("serviceBus", {})["topics"] = topics
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def _print_tables(found: Report, console: Console) -> None:
    granted = _table("Granted", "workload", "role", "scope", "never used")
    for use in found.grants:
        lines = [_short(each) for each in use.excess] if use.used else ["the whole grant"]
        lines += [f"{_short(what)}, and it stays: {reason}" for what, reason in use.kept.items()]
        style = "yellow" if use.excess else ""
        _row(granted, style, use.workload, use.grant.role, use.grant.scope, "\n".join(lines) or "nothing")
    console.print(granted)
    used = _table("Used", "workload", "scope", "smallest custom role", "smallest built-in role", "which brings besides")
    for scope in found.scopes:
        _row(used, "", scope.workload, scope.scope, _custom(scope), *_built_in(scope))
    console.print(used)
    if found.denied:
        denied = _table("Denied", "workload", "action", "scope", "count", "reason")
        for workload, what, number in found.denied:
            _row(denied, "red", workload, _short(what.action), what.scope, str(number), what.reason)
        console.print(denied)
    console.print(_verdict(found))


def _verdict(found: Report) -> str:
    larger = len(found.to_take_away)
    if not larger:
        return "Nothing to take away."
    return f"To take away: {larger} of {len(found.grants)} grants hold more than was used."


def _built_in(use: ScopeUse) -> tuple[str, str]:
    if use.built_in is None:
        return "the catalogue has none", ""
    return use.built_in.name, _lines(use.built_in.besides) or "nothing"


def _custom(use: ScopeUse) -> str:
    """The actions; those that are no data actions say so."""
    management = (f"{_short(each)} (no data action)" for each in use.custom.actions)
    return "\n".join((*management, _lines(use.custom.dataActions)))


def _lines(actions: tuple[str, ...]) -> str:
    return "\n".join(_short(action) for action in actions)


def _short(action: str) -> str:
    """Without the part that the scope tells already."""
    return next((action.removeprefix(prefix) for prefix in _PREFIXES if action.startswith(prefix)), action)


def _table(title: str, *columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _row(table: Table, style: str, *cells: str) -> None:
    """As plain text: a scope that a caller asked for may look like markup."""
    table.add_row(*(Text("\n".join(visible(line) for line in cell.strip().split("\n"))) for cell in cells), style=style)
