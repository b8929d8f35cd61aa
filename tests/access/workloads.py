"""What each workload does with what it is granted, done by the services' own code in this process.

Each function starts a workload anew, without a token, key or answer of an earlier one, and raises if it is refused.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from azure.identity import WorkloadIdentityCredential
from azure.servicebus.management import ServiceBusAdministrationClient
from flask import Flask
from localcloud.testing import RunningCloud

from backend.bootstrap import opened, repair_stores
from backend.identity.clients import (
    blob_client,
    cosmos_client,
    secret_client,
    servicebus_client,
)
from backend.identity.credential import workload_identity
from backend.orders.handler import OrderHandler, Receipted
from backend.orders.order_documents import OrderDocuments
from backend.orders.receipt_blobs import ReceiptBlobs
from backend.orders.receipt_signer import ReceiptSigner
from backend.queue.receiver import open_receiver
from backend.redrive.__main__ import parser, run
from backend.repair.mend import mend
from backend.repair.search import documents_without_receipt
from backend.settings import QueueSettings, StoreSettings, WorkerSettings
from contract import Order, OrderMessage, Receipt
from frontend.bootstrap import create_app
from frontend.identity.lazy_clients import LazyClients
from frontend.settings import Settings as FrontendSettings
from tests.e2e.waiting import until

_A_DAY = 86400.0  # seconds: the frontend's thread reads no key again while a test looks


class Unanswered(Exception):
    """The frontend answered 503; the text is its problem's, which names the service and its error."""


# --- the frontend, through its pages ---


def becomes_ready(cloud: RunningCloud) -> None:
    browser = _frontend(cloud).test_client()
    _expect(until(lambda: browser.get("/readyz"), lambda answer: "no answer within" not in answer.text), 200)


def places_an_order(cloud: RunningCloud) -> None:
    frontend = _started(_frontend(cloud))
    _expect(frontend.test_client().post("/orders", json={"product": "beans", "quantity": 1}), 202)


def lists_orders(cloud: RunningCloud) -> None:
    _ask(_started(_frontend(cloud)), "/orders", 200)


def shows_an_order(cloud: RunningCloud) -> None:
    frontend = _started(_frontend(cloud))
    _ask(frontend, f"/orders/{_reference(frontend, an_order())}", 202)


def shows_a_receipt(cloud: RunningCloud) -> None:
    message = an_order()
    asyncio.run(_backend(cloud, lambda clients, settings: _process(clients, settings, message)))
    frontend = _started(_frontend(cloud))
    _ask(frontend, f"/orders/{_reference(frontend, message)}/receipt", 200)


def _frontend(cloud: RunningCloud) -> Flask:
    with cloud.acting_as("frontend"):
        settings = FrontendSettings(signing_key_refresh_seconds=_A_DAY)  # type: ignore[call-arg]  # from the environment
        clients = LazyClients(settings)
        clients.credential()
    return create_app(settings, clients)


def _started(frontend: Flask) -> Flask:
    """Once it has read its signing key, without which it has no sessions."""
    frontend.extensions["frontend"].keys.current()
    return frontend


def _reference(frontend: Flask, message: OrderMessage) -> str:
    return str(frontend.extensions["frontend"].references.of_message(message).text)


def _ask(frontend: Flask, path: str, status: int) -> None:
    _expect(frontend.test_client().get(path, headers={"Accept": "application/json"}), status)


def _expect(answer: Any, status: int) -> None:
    if answer.status_code == 503:
        problem = answer.get_json()
        raise Unanswered(str(problem.get("missing", problem["detail"])))
    assert answer.status_code == status, answer.text


# --- the backend, by the parts of which `backend.bootstrap` consists ---


class Clients:
    """The worker's clients, until the stack is closed."""

    def __init__(self, settings: WorkerSettings, stack: AsyncExitStack) -> None:
        credential = opened(stack, workload_identity())
        self.secrets = opened(stack, secret_client(settings, credential))
        self.cosmos = opened(stack, cosmos_client(settings, credential))
        self.blobs = opened(stack, blob_client(settings, credential))
        self.servicebus = opened(stack, servicebus_client(settings, credential))


def reads_its_key(cloud: RunningCloud) -> None:
    async def read(clients: Clients, _settings: WorkerSettings) -> None:
        await ReceiptSigner(clients.secrets.get_secret).refresh()

    asyncio.run(_backend(cloud, read))


def receives(cloud: RunningCloud) -> None:
    async def receive(clients: Clients, settings: WorkerSettings) -> None:
        async with open_receiver(clients.servicebus, settings.orders_queue):
            pass  # the right is checked when the link is opened

    asyncio.run(_backend(cloud, receive))


def processes_an_order(cloud: RunningCloud) -> None:
    message = an_order()
    asyncio.run(_backend(cloud, lambda clients, settings: _process(clients, settings, message)))


def processes_an_order_again(cloud: RunningCloud) -> None:
    """As after a crash between the receipt and the document."""

    async def process_again(clients: Clients, settings: WorkerSettings) -> None:
        message = an_order()
        signer, receipts, _ = _parts(clients, settings)
        said = message.model_dump(exclude={"version"})
        receipt = Receipt(**said, receiptedAt=datetime.now(UTC))
        await receipts.add(message.receipt_name, await signer.sign(receipt))
        await _process(clients, settings, message)

    asyncio.run(_backend(cloud, process_again))


async def _backend(cloud: RunningCloud, act: Callable[[Clients, WorkerSettings], Awaitable[None]]) -> None:
    async with AsyncExitStack() as stack:
        with cloud.acting_as("backend"):
            settings = WorkerSettings.model_validate({})
            clients = Clients(settings, stack)
        await act(clients, settings)


async def _process(clients: Clients, settings: WorkerSettings, message: OrderMessage) -> None:
    signer, receipts, documents = _parts(clients, settings)
    outcome = await OrderHandler(receipts, documents, signer.sign).handle_order(message.model_dump_json().encode())
    assert isinstance(outcome, Receipted), outcome


def _parts(clients: Clients, settings: WorkerSettings) -> tuple[ReceiptSigner, ReceiptBlobs, OrderDocuments]:
    database = clients.cosmos.get_database_client(settings.orders_database)
    return (
        ReceiptSigner(clients.secrets.get_secret),
        ReceiptBlobs(clients.blobs.get_container_client(settings.receipts_container)),
        OrderDocuments(database.get_container_client(settings.orders_container)),
    )


# --- redrive, by its command line ---


def lists_dead_letters(cloud: RunningCloud) -> None:
    asyncio.run(_redrive(cloud, "list"))


def resends_a_dead_letter(cloud: RunningCloud) -> None:
    reason = uuid4().hex  # its own letter: an earlier one may still be locked by the run that failed to send it

    async def refuse_an_order(clients: Clients, settings: WorkerSettings) -> None:
        async with open_receiver(clients.servicebus, settings.orders_queue) as receiver:
            (message,) = await receiver.receive_messages(1, max_wait_time=5)
            await receiver.dead_letter_message(message, reason=reason)

    places_an_order(cloud)
    asyncio.run(_backend(cloud, refuse_an_order))
    asyncio.run(_redrive(cloud, "resend", "--reason", reason))


async def _redrive(cloud: RunningCloud, *arguments: str) -> None:
    with cloud.acting_as("redrive"):
        await run(parser().parse_args(arguments), QueueSettings.model_validate({}))


# --- repair, by the parts of which its command line consists ---


def mends_a_receipt(cloud: RunningCloud) -> None:
    """Of all documents, that of an order whose receipt is missing is found, and its receipt made again."""
    message = an_order()

    async def lose_the_receipt(clients: Clients, settings: WorkerSettings) -> None:
        signer, _, documents = _parts(clients, settings)
        await OrderHandler(ForgetfulReceipts(), documents, signer.sign).handle_order(message.model_dump_json().encode())

    async def mend_it() -> None:
        with cloud.acting_as("repair"):
            async with repair_stores(StoreSettings.model_validate({})) as opened:
                async for finding in documents_without_receipt(opened.orders, opened.receipts):
                    if finding.name == message.orderId:
                        assert finding.document is not None, finding.fault
                        assert await mend(opened, finding.document) is None
                        return
        raise AssertionError("the document was not found")

    asyncio.run(_backend(cloud, lose_the_receipt))
    asyncio.run(mend_it())


class ForgetfulReceipts:
    """Loses every receipt as soon as it has it."""

    async def add(self, _name: str, receipt: str) -> str:
        return receipt


# --- KEDA's scaler, by the client that asks what it asks ---


def reads_the_queues_length(cloud: RunningCloud) -> None:
    """https://keda.sh/docs/latest/scalers/azure-service-bus/"""
    with (
        cloud.acting_as("keda"),
        WorkloadIdentityCredential() as credential,
        ServiceBusAdministrationClient(cloud.namespace, credential) as client,
    ):
        client.get_queue_runtime_properties("orders")


def an_order() -> OrderMessage:
    return OrderMessage(
        orderId=uuid4().hex,
        customerId=uuid4().hex,
        order=Order(product="beans", quantity=1),
        acceptedAt=datetime.now(UTC),
    )


EVERYTHING = (
    becomes_ready,
    places_an_order,
    lists_orders,
    shows_an_order,
    shows_a_receipt,
    reads_its_key,
    receives,
    processes_an_order,
    processes_an_order_again,
    lists_dead_letters,
    resends_a_dead_letter,
    mends_a_receipt,
    reads_the_queues_length,
)
"""All that the workloads do with what they are granted."""
