"""What `redrive resend` does: choose dead letters, send them back, and print what became of each."""

from collections.abc import Iterable, Sequence

from azure.servicebus.aio import ServiceBusReceiver

from backend.command import CommandError
from backend.orders.printable import printable
from backend.redrive.dead_letters import read_all
from backend.redrive.resend import Send, resend
from backend.redrive.selection import NOT_CHOSEN, reason_to_keep, repair_fault


async def send_back(
    receiver: ServiceBusReceiver, send: Send, sequences: Sequence[int], reasons: Sequence[str], body: bytes | None
) -> None:
    """Send the chosen dead letters back. Raises `CommandError` if one that was named was not sent."""
    wanted = set()
    for letter in await read_all(receiver):
        why = reason_to_keep(letter, sequences, reasons)
        if why is None:
            if body is not None and (fault := repair_fault(letter, body)):
                raise CommandError(f"the repaired body is not this order's message: {fault}")
            wanted.add(letter.sequence_number)
        elif why != NOT_CHOSEN:
            print(f"{letter.sequence_number}  kept, {printable(why)}")
    sent: set[int] = set()
    kept: set[int] = set()
    async for sequence_number, fault in resend(receiver, send, wanted, body):
        print(f"{sequence_number}  {f'kept, {printable(fault)}' if fault else 'sent back'}", flush=True)
        (kept if fault else sent).add(sequence_number)
    print(f"{len(sent)} of {len(wanted)} sent back")
    if missing := (wanted | set(sequences)) - sent - kept:
        raise CommandError(f"not sent back, being no dead letter or locked by another: {_list(missing)}")
    if kept:
        raise CommandError(f"not sent back: {_list(kept)}")


def _list(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))
