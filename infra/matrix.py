"""Print the access model as the README's table: `python -m infra.matrix`. `--write` puts it into the README."""

import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- the access matrix, written by `make matrix` -->", "<!-- end of the access matrix -->"
SERVICES = {"keyVault": "Key Vault", "serviceBus": "Service Bus", "cosmos": "Cosmos DB", "blob": "Blob Storage"}


def matrix(model: dict[str, Any]) -> str:
    """Return a Markdown table with a row for each workload and a column for each service, and one of the roles."""
    lines = ["| workload | " + " | ".join(SERVICES.values()) + " |", "|---" * (len(SERVICES) + 1) + "|"]
    for name, workload in model["workloads"].items():
        cells = (_cell(workload["grants"], service) for service in SERVICES)
        lines.append(f"| **{name}** | " + " | ".join(cells) + " |")
    lines += ["", "| role | what it allows |", "|---|---|"]
    for name, role in model["roles"].items():
        allowed = _listed([*role.get("actions", []), *role.get("dataActions", [])])
        left_out = _listed([*role.get("notActions", []), *role.get("notDataActions", [])])
        lines.append(f"| {name} | {allowed}{left_out and f'; but not {left_out}'} |")
    return "\n".join(lines)


def with_matrix(readme: str, table: str) -> str:
    """Return the text with the table between its two marks. Raises `ValueError` if a mark is missing."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise ValueError("the README has no place for the access matrix")
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def _cell(grants: list[dict[str, str]], service: str) -> str:
    entities = defaultdict(list)
    for grant in grants:
        kind, entity = grant["scope"].split("/")
        if kind == service:
            entities[grant["role"]].append(f"`{entity}`")
    return "<br>".join(f"{role} on {', '.join(names)}" for role, names in entities.items()) or "none"


def _listed(actions: list[str]) -> str:
    return ", ".join(f"`{_short(action)}`" for action in actions)


def _short(action: str) -> str:
    """Return the action without its provider, which the role's name tells. `*` stays, since it means every provider."""
    return action.removeprefix("Microsoft.").partition("/")[2] or action


def main() -> None:
    table = matrix(yaml.safe_load((ROOT / "infra/access.yaml").read_text()))
    if "--write" not in sys.argv[1:]:
        print(table)
        return
    readme = ROOT / "README.md"
    readme.write_text(with_matrix(readme.read_text(), table))


if __name__ == "__main__":
    main()
