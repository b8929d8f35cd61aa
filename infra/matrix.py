"""Print the access model as the tables of docs/access.md: `python -m infra.matrix`. `--write` writes them into it."""

import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/access.md"
BEGIN, END = "<!-- the access matrix, written by `make matrix` -->", "<!-- end of the access matrix -->"
SERVICES = {"keyVault": "Key Vault", "serviceBus": "Service Bus", "cosmos": "Cosmos DB", "blob": "Blob Storage"}
KINDS = {"builtIn": "Azure's", "custom": "this project's", "cosmos": "this project's, of Cosmos DB's own roles"}


def matrix(model: dict[str, Any]) -> str:
    """Return two Markdown tables: what each workload may do on each entity, and what each role allows.

    A row has one role on one service, or one action, so that no line gets long.
    """
    lines = ["| workload | service | role | on |", "|---|---|---|---|"]
    for name, workload in model["workloads"].items():
        rows = list(_grants(workload["grants"]))
        lines += [f"| **{name}** | {row} |" for row in rows] or [f"| **{name}** | none | none | none |"]
    lines += ["", "| role | whose | allows |", "|---|---|---|"]
    for name, role in model["roles"].items():
        lines += [f"| {name} | {KINDS[role['kind']]} | {action} |" for action in _actions(role)]
    return "\n".join(lines)


def with_matrix(page: str, tables: str) -> str:
    """Return the text with the tables between its two marks. Raises `ValueError` if a mark is missing."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise ValueError("the page has no place for the access matrix")
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"


def _grants(grants: list[dict[str, str]]) -> list[str]:
    """Return a row for each role on each service, with all the entities that it is granted on."""
    entities: dict[tuple[str, str], list[str]] = {}
    for grant in grants:
        service, _, entity = grant["scope"].partition("/")
        entities.setdefault((SERVICES[service], grant["role"]), []).append(f"`{entity}`")
    return [f"{service} | {role} | {', '.join(names)}" for (service, role), names in entities.items()]


def _actions(role: dict[str, Any]) -> list[str]:
    allowed = [f"`{_short(action)}`" for action in [*role.get("actions", []), *role.get("dataActions", [])]]
    left_out = [
        f"but not `{_short(action)}`" for action in [*role.get("notActions", []), *role.get("notDataActions", [])]
    ]
    return allowed + left_out


def _short(action: str) -> str:
    """Return the action without its provider, which the role's name tells. `*` stays, since it means every provider."""
    return action.removeprefix("Microsoft.").partition("/")[2] or action


def main() -> None:
    tables = matrix(yaml.safe_load((ROOT / "infra/access.yaml").read_text()))
    if "--write" not in sys.argv[1:]:
        print(tables)
        return
    PAGE.write_text(with_matrix(PAGE.read_text(), tables))


if __name__ == "__main__":
    main()
