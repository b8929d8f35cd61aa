"""The console script `repair`: lists documents without their receipt, and makes the receipts again."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from azure.cosmos.aio import ContainerProxy

from backend.clients import blob_client, cosmos_client, secret_client, workload_identity
from backend.command import Refused, run_command
from backend.receipts import ReceiptSigner, read_receipt
from backend.repair.findings import receipt_of
from backend.repair.search import documents_without_receipt
from backend.settings import StoreSettings
from backend.stores import BlobReceipts
from contract import OrderDocument


@dataclass(frozen=True, slots=True)
class Stores:
    """What repair works with."""

    signer: ReceiptSigner
    orders: ContainerProxy
    receipts: BlobReceipts


def main() -> None:
    """The console script."""
    run_command(parser(), StoreSettings, run)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="repair", description="Finds documents without their receipt, and makes the receipts again."
    )
    verbs = top.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="print all documents without their receipt; nothing is changed")
    verbs.add_parser("mend", help="make each missing receipt again, signed with today's key, with the document's times")
    return top


async def run(arguments: argparse.Namespace, settings: StoreSettings) -> None:
    """Does what the command line says, in the containers that the settings name."""
    async with stores(settings) as opened:
        await (list_all if arguments.verb == "list" else mend_all)(opened)


@asynccontextmanager
async def stores(settings: StoreSettings) -> AsyncIterator[Stores]:
    """The key, the documents and the receipts, with this workload's identity."""
    async with (
        workload_identity() as credential,
        secret_client(settings, credential) as secrets,
        cosmos_client(settings, credential) as cosmos,
        blob_client(settings, credential) as blobs,
    ):
        yield Stores(
            ReceiptSigner(secrets.get_secret),
            cosmos.get_database_client(settings.orders_database).get_container_client(settings.orders_container),
            BlobReceipts(blobs.get_container_client(settings.receipts_container)),
        )


async def list_all(opened: Stores) -> None:
    """Prints a line for each document without its receipt, then how many there are."""
    count = 0
    async for finding in documents_without_receipt(opened.orders, opened.receipts):
        count += 1
        fault = finding.fault
        print(f"{finding.name}  {'can be mended' if fault is None else f'can not be mended: {fault}'}", flush=True)
    print(f"{count} without a receipt")


async def mend_all(opened: Stores) -> None:
    """Prints what became of each document without its receipt; raises `Refused` if one was not mended."""
    count = mended = 0
    async for finding in documents_without_receipt(opened.orders, opened.receipts):
        count += 1
        fault = finding.fault
        if finding.document is not None and fault is None:
            fault = await mend(opened, finding.document)
        mended += fault is None
        print(f"{finding.name}  {'mended' if fault is None else f'not mended: {fault}'}", flush=True)
    print(f"{mended} of {count} mended")
    if mended < count:
        raise Refused(f"{count - mended} not mended: the lines above say why")


async def mend(opened: Stores, document: OrderDocument) -> str | None:
    """Makes the document's receipt again, unless one is stored by now; returns why not, None if it is there.

    Raises `Unavailable`.
    """
    receipt = receipt_of(document)
    stored = await opened.receipts.add(document.receipt, await opened.signer.sign(receipt))
    return None if read_receipt(stored) == receipt else "another receipt is stored under its name"


if __name__ == "__main__":
    main()
