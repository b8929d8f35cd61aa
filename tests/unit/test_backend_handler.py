"""The steps of one order: every outcome, and every crash between two steps."""

import itertools
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from backend.dependencies.dependency import Unavailable
from backend.orders.handler import OrderHandler, Receipted, Rejected
from backend.orders.receipt_signer import ReceiptKey, read_receipt, sign_receipt
from contract import RECEIPT_ALGORITHM, Order, OrderDocument, OrderMessage, Receipt
from workload.failure import Failure

ACCEPTED = datetime(2026, 11, 24, 12, tzinfo=UTC)
T = TypeVar("T")
KEY = OKPKey.generate_key("Ed25519")


def message(product: str = "Lantern", accepted: datetime = ACCEPTED) -> OrderMessage:
    order = Order(product=product, quantity=2)
    return OrderMessage(orderId="a" * 32, customerId="b" * 32, order=order, acceptedAt=accepted)


def body(of: OrderMessage) -> bytes:
    return of.model_dump_json().encode()


class Crash(BaseException):
    """The end of the process, which nothing catches."""


class Steps:
    """The receipts, the documents and the signer in memory. A crash may come before or after each step."""

    def __init__(self) -> None:
        self.receipts: dict[str, str] = {}
        self.documents: dict[str, OrderDocument] = {}
        self.crash_at: tuple[str, str] | None = None
        self.failing: str | None = None
        self.taken: list[str] = []
        ticks = itertools.count()
        self.handler = OrderHandler(self, self, self.sign, lambda: ACCEPTED + timedelta(seconds=next(ticks)))
        self.kids = itertools.count(1)

    async def sign(self, receipt: Receipt) -> str:
        with_key = ReceiptKey(f"version-{next(self.kids)}", KEY)  # as if the key were rotated each time
        return self._step("sign", lambda: sign_receipt(receipt, with_key))

    async def add(self, name: str, receipt: str) -> str:
        return self._step("add", lambda: self.receipts.setdefault(name, receipt))

    async def read(self, order_id: str, customer_id: str) -> OrderDocument | None:
        found = self.documents.get(order_id)
        return self._step("read", lambda: found if found and found.customerId == customer_id else None)

    async def create(self, document: OrderDocument) -> OrderDocument:
        return self._step("create", lambda: self.documents.setdefault(document.id, document))

    def _step(self, name: str, act: Callable[[], T]) -> T:
        self.taken.append(name)
        if self.failing == name:
            raise Unavailable("a dependency", Failure(None, "Down", "down"))
        if self.crash_at == ("before", name):
            raise Crash
        result = act()
        if self.crash_at == ("after", name):
            raise Crash
        return result

    def agree(self) -> bool:
        """Tell whether there is one document, and its receipt says the same."""
        (document,) = self.documents.values()
        receipt = read_receipt(self.receipts[document.receipt])
        return receipt is not None and (receipt.order, receipt.acceptedAt, receipt.receiptedAt) == (
            document.order,
            document.acceptedAt,
            document.receiptedAt,
        )


@pytest.fixture
def steps() -> Steps:
    return Steps()


async def test_an_order_becomes_a_receipt_and_a_document(steps: Steps) -> None:
    """The receipt verifies with the public key that its `kid` names, and the document names it and agrees with it."""
    outcome = await steps.handler.handle_order(body(message()))
    assert isinstance(outcome, Receipted)
    assert steps.agree()
    stored = steps.receipts[outcome.document.receipt]
    verified = jws.deserialize_compact(stored, OKPKey.import_key(KEY.as_dict(private=False)), [RECEIPT_ALGORITHM])
    assert verified.headers() == {"alg": RECEIPT_ALGORITHM, "kid": "version-1"}
    assert Receipt.model_validate_json(verified.payload or b"").orderId == message().orderId
    assert outcome.document.receipt == message().receipt_name


async def test_the_receipt_comes_before_the_document(steps: Steps) -> None:
    """The order of the steps is fixed, so that a document's receipt is always there."""
    await steps.handler.handle_order(body(message()))
    assert steps.taken == ["read", "sign", "add", "create"]


async def test_a_new_order_without_a_key_is_not_looked_for(steps: Steps) -> None:
    """No other request has a random order id, so at the first delivery its document is not read. A repeat agrees."""
    of = message().model_copy(update={"orderId": uuid.uuid4().hex})
    first = await steps.handler.handle_order(body(of), delivered_before=False)
    assert steps.taken == ["sign", "add", "create"]
    assert await steps.handler.handle_order(body(of), delivered_before=False) == first
    assert steps.agree()


async def test_an_order_with_a_key_is_looked_for_at_its_first_delivery(steps: Steps) -> None:
    """Another request may have had the same key."""
    await steps.handler.handle_order(body(message()), delivered_before=False)
    assert steps.taken == ["read", "sign", "add", "create"]


async def test_a_redelivery_makes_no_receipt_for_an_order_that_is_done(steps: Steps) -> None:
    """If the receipt was lost meanwhile, a new one would not agree with the document: `repair` makes it again."""
    of = message().model_copy(update={"orderId": uuid.uuid4().hex})
    first = await steps.handler.handle_order(body(of), delivered_before=False)
    steps.receipts.clear()
    assert await steps.handler.handle_order(body(of)) == first
    assert steps.receipts == {}


@pytest.mark.parametrize("step", ["read", "sign", "add", "create"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_crash_is_only_a_redelivery(steps: Steps, when: str, step: str) -> None:
    """Killed before or after any step, the order ends with one document and the receipt that was stored first."""
    steps.crash_at = (when, step)
    with pytest.raises(Crash):
        await steps.handler.handle_order(body(message()))
    before = dict(steps.receipts)
    steps.crash_at = None
    assert isinstance(await steps.handler.handle_order(body(message())), Receipted)
    assert len(steps.receipts) == 1
    assert before.items() <= steps.receipts.items()
    assert steps.agree()


async def test_a_repeat_changes_nothing(steps: Steps) -> None:
    """A second delivery of a receipted order reads its document and signs nothing."""
    first = await steps.handler.handle_order(body(message()))
    receipts, documents = dict(steps.receipts), dict(steps.documents)
    steps.taken.clear()
    assert await steps.handler.handle_order(body(message())) == first
    assert (steps.receipts, steps.documents, steps.taken) == (receipts, documents, ["read"])


async def test_the_same_order_accepted_twice_keeps_its_first_receipt(steps: Steps) -> None:
    """If duplicate detection has forgotten the first message, a repeat agrees with the receipt that is stored."""
    steps.crash_at = ("after", "add")
    with pytest.raises(Crash):
        await steps.handler.handle_order(body(message()))
    steps.crash_at = None
    outcome = await steps.handler.handle_order(body(message(accepted=ACCEPTED + timedelta(hours=1))))
    assert isinstance(outcome, Receipted)
    assert outcome.document.acceptedAt == ACCEPTED
    assert steps.agree()


async def test_another_body_under_a_used_key_is_rejected(steps: Steps) -> None:
    """The second body gets no receipt, and the first order stays as it is."""
    await steps.handler.handle_order(body(message("Lantern")))
    outcome = await steps.handler.handle_order(body(message("Kettle")))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "IdempotencyKeyReused"
    assert len(steps.receipts) == 1
    assert steps.agree()


async def test_two_bodies_racing_for_one_key_leave_one_document(steps: Steps) -> None:
    """If both saw no document, the one that creates it second is rejected, and the first stays as it is."""
    steps.crash_at = ("after", "add")
    with pytest.raises(Crash):
        await steps.handler.handle_order(body(message("Kettle")))  # is about to create its document …
    steps.crash_at = None
    await steps.handler.handle_order(body(message("Lantern")))  # … when this one does
    outcome = await steps.handler.handle_order(body(message("Kettle")))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "IdempotencyKeyReused"
    assert steps.agree()
    assert steps.documents["a" * 32].order.product == "Lantern"


async def test_losing_the_race_at_the_last_step_is_rejected_too(steps: Steps) -> None:
    """A document that another worker creates between the read and the create decides."""

    async def overtaken(name: str, receipt: str) -> str:
        rival = Steps()
        await rival.handler.handle_order(body(message("Lantern")))
        steps.documents = rival.documents
        return steps.receipts.setdefault(name, receipt)

    steps.add = overtaken  # type: ignore[method-assign]
    outcome = await steps.handler.handle_order(body(message("Kettle")))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "IdempotencyKeyReused"


@pytest.mark.parametrize("stored", ["no receipt at all", "a.b.c"])
async def test_a_blob_that_is_not_our_receipt_is_nothing_to_build_on(steps: Steps, stored: str) -> None:
    """Something else under the receipt's name is reported, not overwritten, and no document names it."""
    steps.receipts[message().receipt_name] = stored
    outcome = await steps.handler.handle_order(body(message()))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "ReceiptMismatch"
    assert steps.documents == {}


async def test_another_customers_receipt_is_not_ours(steps: Steps) -> None:
    """Another customer's receipt under this order's name is reported."""
    other = Receipt.model_validate({**message().model_dump(), "customerId": "c" * 32, "receiptedAt": ACCEPTED})
    steps.receipts[message().receipt_name] = sign_receipt(other, ReceiptKey("k", KEY))
    assert isinstance(await steps.handler.handle_order(body(message())), Rejected)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", "Invalid JSON"),
        (b"\xff\x00", "Invalid JSON"),
        (b"[]", "should be an object"),
        (body(message()).replace(b'"quantity":2', b'"quantity":0'), "order.quantity: Input should be greater than"),
        (body(message()).replace(b'"product":"Lantern",', b""), "order.product: Field required"),
        (body(message()).replace(b'"version":1', b'"version":2'), "version: "),
    ],
)
async def test_an_invalid_message_is_rejected_before_anything_is_done(steps: Steps, sent: bytes, said: str) -> None:
    """The description names the field and the fault, and no step is taken."""
    outcome = await steps.handler.handle_order(sent)
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "InvalidOrder"
    assert said in outcome.description
    assert steps.taken == []


@pytest.mark.parametrize("step", ["read", "sign", "add", "create"])
async def test_a_dependency_that_fails_is_no_verdict(steps: Steps, step: str) -> None:
    """The failure is raised as it is, and the same call succeeds later."""
    steps.failing = step
    with pytest.raises(Unavailable):
        await steps.handler.handle_order(body(message()))
    steps.failing = None
    assert isinstance(await steps.handler.handle_order(body(message())), Receipted)
    assert steps.agree()
