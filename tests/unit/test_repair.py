"""Two runs of repair at the same time: the receipt that is stored first is kept. The receipts are a fake in memory."""

from typing import cast

import pytest
from azure.cosmos.aio import ContainerProxy
from joserfc.jwk import OKPKey

from backend.orders.receipt_blobs import ReceiptBlobs
from backend.orders.receipt_signer import ReceiptKey, ReceiptSigner, sign_receipt
from backend.repair.findings import receipt_of
from backend.repair.mend import RepairStores, mend
from contract import Order, OrderDocument, Receipt

ORDER = Order(product="Lantern", quantity=1)
DOCUMENT = OrderDocument.model_validate(
    {
        "id": "a" * 32,
        "customerId": "b" * 32,
        "order": ORDER,
        "digest": ORDER.digest(),
        "acceptedAt": "2026-11-24T12:00:00Z",
        "receiptedAt": "2026-11-24T12:00:01Z",
        "receipt": f"{'a' * 32}/{ORDER.digest()}.jws",
    }
)
OURS, THEIRS = (ReceiptKey(kid, OKPKey.generate_key("Ed25519")) for kid in ("ours", "theirs"))


class Signer:
    async def sign(self, receipt: Receipt) -> str:
        return sign_receipt(receipt, OURS)


class Receipts:
    """Receipts that may be added and not overwritten, as this workload's role allows."""

    def __init__(self, **stored: str) -> None:
        self.stored = stored

    async def add(self, name: str, receipt: str) -> str:
        return self.stored.setdefault(name, receipt)


@pytest.mark.parametrize(
    ("stored", "fault"),
    [
        (sign_receipt(receipt_of(DOCUMENT), THEIRS), None),
        (sign_receipt(receipt_of(DOCUMENT).model_copy(update={"orderId": "c" * 32}), THEIRS), "another receipt"),
        ("no receipt", "another receipt"),
    ],
    ids=["the same, signed with an earlier key", "another order's", "something else"],
)
async def test_what_was_stored_meanwhile_is_kept(stored: str, fault: str | None) -> None:
    """A receipt that another run made meanwhile counts, also with an earlier key. Anything else is a fault."""
    receipts = Receipts(**{DOCUMENT.receipt: stored})
    opened = RepairStores(cast(ReceiptSigner, Signer()), cast(ContainerProxy, None), cast(ReceiptBlobs, receipts))
    said = await mend(opened, DOCUMENT)
    assert said is None if fault is None else said is not None and said.startswith(fault)
    assert receipts.stored == {DOCUMENT.receipt: stored}
