"""Build, start and close everything: the worker, and what the commands `redrive` and `repair` work with.

What is opened is registered for closing at once. If a later step fails, it is closed all the same.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Protocol, TypeVar

import structlog
from azure.servicebus import ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusReceiver

from backend.amqp.encoded_messages import send_encoded
from backend.dependencies.checks import DependencyChecks
from backend.dependencies.dependency import BLOB_STORAGE, COSMOS_DB, KEY_VAULT, SERVICE_BUS, Unavailable
from backend.dependencies.health import Health, serve_health
from backend.identity.clients import blob_client, cosmos_client, secret_client, servicebus_client
from backend.identity.credential import workload_identity
from backend.identity.page import IdentityPage
from backend.orders.handler import OrderHandler
from backend.orders.order_documents import OrderDocuments
from backend.orders.receipt_blobs import ReceiptBlobs
from backend.orders.receipt_signer import ReceiptSigner
from backend.queue.receiver import open_receiver
from backend.queue.worker import Worker
from backend.redrive.resend import Send
from backend.repair.mend import RepairStores
from backend.settings import QueueSettings, StoreSettings, WorkerSettings
from workload.aio import WatchedCredential
from workload.failure import Failure, explain

_log = structlog.get_logger(__name__)


async def run_worker(settings: WorkerSettings, stop: asyncio.Event) -> None:
    """Run the worker until `stop` is set. It starts without access too: `/readyz` says what is missing."""
    health, page = Health(), IdentityPage()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serve_health(health, settings.http_host, settings.http_port, page.routes()))
        try:
            credential = opened(stack, workload_identity())
        except ValueError as error:  # the webhook has not mutated this pod, and never will: it mutates new ones only
            _log.error("identity.missing", reason=str(error))
            health.mark_missing("identity", "Workload identity", str(error))
            page.problem = explain(error)
            await stop.wait()
            return
        worker, checks = build_worker(settings, credential, health, stack)
        calls = {service: partial(checks.check, service) for service in (KEY_VAULT, COSMOS_DB, BLOB_STORAGE)}
        page.take(credential, {**calls, SERVICE_BUS: partial(receiving, health)})
        async with asyncio.TaskGroup() as tasks:
            checking = tasks.create_task(checks.wait_for_all())
            refreshing = tasks.create_task(checks.repeat(KEY_VAULT, settings.signing_key_refresh_seconds))
            working = tasks.create_task(worker.run())
            await stop.wait()
            worker.stop()
            await working
            checking.cancel()
            refreshing.cancel()


async def receiving(health: Health) -> None:
    """Return if the receive loop has its link. Raises `Unavailable` with its own reason if it has none."""
    if reason := health.missing.get(SERVICE_BUS):
        raise Unavailable(SERVICE_BUS, Failure(None, "", reason))


def build_worker(
    settings: WorkerSettings, credential: WatchedCredential, health: Health, stack: AsyncExitStack
) -> tuple[Worker, DependencyChecks]:
    """Build the worker and the checks of its dependencies. The stack will close their clients."""
    secrets = opened(stack, secret_client(settings, credential))
    cosmos = opened(stack, cosmos_client(settings, credential))
    blobs = opened(stack, blob_client(settings, credential))
    servicebus = opened(stack, servicebus_client(settings, credential))

    signer = ReceiptSigner(secrets.get_secret)
    documents = OrderDocuments(
        cosmos.get_database_client(settings.orders_database).get_container_client(settings.orders_container)
    )
    receipts = ReceiptBlobs(blobs.get_container_client(settings.receipts_container))

    checks = DependencyChecks(
        {KEY_VAULT: signer.refresh, COSMOS_DB: documents.check, BLOB_STORAGE: receipts.check}, health
    )
    worker = Worker(
        partial(open_receiver, servicebus, settings.orders_queue),
        OrderHandler(receipts, documents, signer.sign).handle_order,
        checks.wait_for,
        health,
        settings.worker_concurrency,
    )
    return worker, checks


@asynccontextmanager
async def dead_letter_links(settings: QueueSettings) -> AsyncIterator[tuple[ServiceBusReceiver, Send]]:
    """Open what `redrive` works with: a receiver of dead letters, and what sends to the queue.

    The sender's link is opened with the first message that is sent.
    """
    async with AsyncExitStack() as stack:
        credential = opened(stack, workload_identity())
        client = opened(stack, servicebus_client(settings, credential))
        receiver = await stack.enter_async_context(
            open_receiver(client, settings.orders_queue, hold=3600, sub_queue=ServiceBusSubQueue.DEAD_LETTER)
        )
        yield receiver, partial(send_encoded, client.get_queue_sender(settings.orders_queue))


@asynccontextmanager
async def repair_stores(settings: StoreSettings) -> AsyncIterator[RepairStores]:
    """Open what `repair` works with."""
    async with AsyncExitStack() as stack:
        credential = opened(stack, workload_identity())
        secrets = opened(stack, secret_client(settings, credential))
        cosmos = opened(stack, cosmos_client(settings, credential))
        blobs = opened(stack, blob_client(settings, credential))
        yield RepairStores(
            ReceiptSigner(secrets.get_secret),
            cosmos.get_database_client(settings.orders_database).get_container_client(settings.orders_container),
            ReceiptBlobs(blobs.get_container_client(settings.receipts_container)),
        )


class Closable(Protocol):
    """A client of the SDK."""

    def close(self) -> Awaitable[None]: ...


ClosableT = TypeVar("ClosableT", bound=Closable)


def opened(stack: AsyncExitStack, client: ClosableT) -> ClosableT:
    """Register a client for closing. It is not entered, since some clients connect when they are entered."""
    stack.push_async_callback(client.close)
    return client
