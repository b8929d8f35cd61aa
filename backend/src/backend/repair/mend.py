"""What `repair` does with the documents whose receipt is missing: list them, or make their receipts again."""

from dataclasses import dataclass

from azure.cosmos.aio import ContainerProxy

from backend.command import CommandError
from backend.orders.receipt_blobs import ReceiptBlobs
from backend.orders.receipt_signer import ReceiptSigner, read_receipt
from backend.repair.findings import receipt_of
from backend.repair.search import documents_without_receipt
from contract import OrderDocument


@dataclass(frozen=True, slots=True)
class RepairStores:
    """What `repair` works with."""

    signer: ReceiptSigner
    orders: ContainerProxy
    receipts: ReceiptBlobs


async def list_all(stores: RepairStores) -> None:
    """Print a line for each document without its receipt, then their number."""
    count = 0
    async for finding in documents_without_receipt(stores.orders, stores.receipts):
        count += 1
        fault = finding.fault
        print(f"{finding.name}  {'can be mended' if fault is None else f'can not be mended: {fault}'}", flush=True)
    print(f"{count} without a receipt")


async def mend_all(stores: RepairStores) -> None:
    """Print what became of each document without its receipt. Raises `CommandError` if one was not mended."""
    count = mended = 0
    async for finding in documents_without_receipt(stores.orders, stores.receipts):
        count += 1
        fault = finding.fault
        if finding.document is not None and fault is None:
            fault = await mend(stores, finding.document)
        mended += fault is None
        print(f"{finding.name}  {'mended' if fault is None else f'not mended: {fault}'}", flush=True)
    print(f"{mended} of {count} mended")
    if mended < count:
        raise CommandError(f"{count - mended} not mended: the lines above say why")


async def mend(stores: RepairStores, document: OrderDocument) -> str | None:
    """Make the document's receipt again, unless one is stored by now. Return why not, or None if it is there.

    Raises `Unavailable`.
    """
    receipt = receipt_of(document)
    stored = await stores.receipts.add(document.receipt, await stores.signer.sign(receipt))
    return None if read_receipt(stored) == receipt else "another receipt is stored under its name"
