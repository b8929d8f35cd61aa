"""The console script `redrive`: list dead letters, and send repaired ones back."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from backend.bootstrap import dead_letter_links
from backend.command import CommandError, run_command
from backend.redrive.dead_letters import read_all, table
from backend.redrive.send_back import send_back
from backend.settings import QueueSettings


def main() -> None:
    """Run the command with the settings of the environment."""
    run_command(parser(), QueueSettings, run)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(prog="redrive", description="List dead letters, and send repaired ones back.")
    verbs = top.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="print all dead letters; nothing is changed")
    again = verbs.add_parser("resend", help="send dead letters back: all that are valid orders, but no reused keys")
    again.add_argument("--sequence", type=int, action="append", default=[], metavar="N", help="this one, valid or not")
    again.add_argument("--reason", action="append", default=[], metavar="R", help="those with this reason")
    again.add_argument("--body", metavar="FILE", help="with one --sequence: the repaired order message, - for stdin")
    return top


async def run(arguments: argparse.Namespace, settings: QueueSettings) -> None:
    """Do what the command line says, on the queue that the settings name."""
    body = read_body(arguments.body, arguments.sequence) if arguments.verb == "resend" else None
    async with dead_letter_links(settings) as (receiver, send):
        if arguments.verb == "list":
            print(table(await read_all(receiver)))
        else:
            await send_back(receiver, send, arguments.sequence, arguments.reason, body)


def read_body(source: str | None, sequences: Sequence[int]) -> bytes | None:
    """Read the repaired body from a file or from standard input; None if none is given. Raises `CommandError`."""
    if source is None:
        return None
    if len(sequences) != 1:
        raise CommandError("--body replaces the body of one dead letter: name it with --sequence")
    return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()


if __name__ == "__main__":
    main()
