"""The verbs that read the audit trail."""

import argparse
import sys

from localcloud.operator.cli.verbs import Verbs, fail, settings_of
from localcloud.operator.lines import say, visible


def add_to(verbs: Verbs) -> None:
    access = verbs.add("access", _access, "show which workload did what, or where one token went, from the audit trail")
    access.add_argument("--uti", help="of one access token: its exchange, and every access that it was shown for")
    what = "show what is granted and was never used, and the smallest roles"
    least = verbs.add("least-privilege", _least_privilege, what)
    least.add_argument(
        "--as",
        dest="form",
        choices=("table", "access.yaml", "bicep", "terraform"),
        default="table",
        help="a table, or what was used and no more as an access model, Bicep or Terraform (default: table)",
    )


def _access(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from localcloud.authorization import audit
    from localcloud.operator import journey
    from localcloud.operator.summary import access_table

    trail = settings_of(arguments).state / "audit.jsonl"
    if not trail.exists():
        sys.exit(f"localcloud: there is no trail at {trail}: no local cloud has run there")
    if arguments.uti is None:
        access_table(trail, Console(width=None if sys.stdout.isatty() else 160, highlight=False))
        return 0
    found = journey.journey(audit.entries(trail), arguments.uti)
    if found is None:
        sys.exit(
            f"localcloud: no entry of {trail} has the uti {visible(arguments.uti)}: `localcloud access` lists them"
        )
    for line in journey.lines(found):
        say(line)
    return 0


def _least_privilege(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from localcloud.authorization.model import AccessFileError
    from localcloud.operator.least_privilege import least_privilege

    settings = settings_of(arguments)
    trail = settings.state / "audit.jsonl"
    if not trail.exists():
        sys.exit(f"localcloud: there is no trail at {trail}: no local cloud has run there")
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    try:
        least_privilege(settings.access, trail, arguments.form, console)
    except AccessFileError as error:
        return fail(error)
    return 0
