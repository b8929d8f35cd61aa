"""The console script `redrive`: lists dead letters, and sends repaired ones back."""

import argparse
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from azure.servicebus import ServiceBusSubQueue
from azure.servicebus.aio import AutoLockRenewer, ServiceBusReceiver

from backend.clients import servicebus_client, workload_identity
from backend.command import Refused, run_command
from backend.encoded import send_encoded
from backend.messages import printable
from backend.redrive.letters import fault_of_repair, reason_to_keep, table
from backend.redrive.queue import DeadLetterReceiver, Send, dead_letters, resend
from backend.settings import QueueSettings


def main() -> None:
    """The console script."""
    run_command(parser(), QueueSettings, run)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="redrive", description="Lists dead letters, and sends repaired ones back.")
    verbs = top.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="print all dead letters; nothing is changed")
    again = verbs.add_parser("resend", help="send dead letters back: all that are valid orders, but no reused keys")
    again.add_argument(
        "--sequence", type=int, action="append", default=[], metavar="N", help="this one, whatever it is"
    )
    again.add_argument("--reason", action="append", default=[], metavar="R", help="those with this reason")
    again.add_argument("--body", metavar="FILE", help="with one --sequence: the repaired order message, - for stdin")
    return top


async def run(arguments: argparse.Namespace, settings: QueueSettings) -> None:
    """Does what the command line says, on the queue that the settings name."""
    body = read_body(arguments.body, arguments.sequence) if arguments.verb == "resend" else None
    async with links(settings) as (receiver, send):
        if arguments.verb == "list":
            print(table(await dead_letters(receiver)))
        else:
            await send_back(receiver, send, arguments.sequence, arguments.reason, body)


@asynccontextmanager
async def links(settings: QueueSettings) -> AsyncIterator[tuple[ServiceBusReceiver, Send]]:
    """A receiver of dead letters that keeps their locks, and what sends to the queue, whose link opens when it does."""
    async with (
        workload_identity() as credential,
        servicebus_client(settings, credential) as client,
        AutoLockRenewer(max_lock_renewal_duration=3600) as renewer,
        client.get_queue_receiver(
            settings.orders_queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER, auto_lock_renewer=renewer
        ) as receiver,
    ):
        yield receiver, partial(send_encoded, client.get_queue_sender(settings.orders_queue))


async def send_back(
    receiver: DeadLetterReceiver, send: Send, sequences: Sequence[int], reasons: Sequence[str], body: bytes | None
) -> None:
    """Sends what was asked for and says what became of each; raises `Refused` if one that was named was not sent."""
    wanted = set()
    for letter in await dead_letters(receiver):
        why = reason_to_keep(letter, sequences, reasons)
        if why is None:
            if body is not None and (fault := fault_of_repair(letter, body)):
                raise Refused(f"the repaired body is not this order's message: {fault}")
            wanted.add(letter.sequence_number)
        elif why != "not asked for":
            print(f"{letter.sequence_number}  kept, {printable(why)}")
    sent: set[int] = set()
    kept: set[int] = set()
    async for sequence_number, fault in resend(receiver, send, wanted, body):
        print(f"{sequence_number}  {f'kept, {printable(fault)}' if fault else 'sent back'}", flush=True)
        (kept if fault else sent).add(sequence_number)
    print(f"{len(sent)} of {len(wanted)} sent back")
    if missing := (wanted | set(sequences)) - sent - kept:
        raise Refused(f"not sent back, being no dead letter or locked by another: {_list(missing)}")
    if kept:
        raise Refused(f"not sent back: {_list(kept)}")


def _list(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))


def read_body(source: str | None, sequences: Sequence[int]) -> bytes | None:
    """The repaired body from a file or from standard input; None if none is given."""
    if source is None:
        return None
    if len(sequences) != 1:
        raise Refused("--body replaces the body of one dead letter: name it with --sequence")
    return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()


if __name__ == "__main__":
    main()
