"""The console script `repair`: list documents without their receipt, and make the receipts again."""

import argparse

from backend.bootstrap import repair_stores
from backend.command import run_command
from backend.repair.mend import list_all, mend_all
from backend.settings import StoreSettings


def main() -> None:
    """Run the command with the settings of the environment."""
    run_command(parser(), StoreSettings, run)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="repair", description="Find documents without their receipt, and make the receipts again."
    )
    verbs = top.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="print all documents without their receipt; nothing is changed")
    verbs.add_parser("mend", help="make each missing receipt again, signed with today's key, with the document's times")
    return top


async def run(arguments: argparse.Namespace, settings: StoreSettings) -> None:
    """Do what the command line says, in the containers that the settings name."""
    async with repair_stores(settings) as stores:
        await (list_all if arguments.verb == "list" else mend_all)(stores)


if __name__ == "__main__":
    main()
