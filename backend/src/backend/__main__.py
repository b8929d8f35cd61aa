"""The worker's composition: settings in, a running worker out. Everything is wired here and nowhere else."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import structlog
from aiohttp import web
from azure.servicebus import ServiceBusReceiveMode
from azure.servicebus.aio import AutoLockRenewer, ServiceBusReceiver
from workload.logs import configure_logging
from workload.settings import InvalidEnvironment, from_environment

from backend.access import Access
from backend.clients import Clients
from backend.delivery import PATIENCE
from backend.dependencies import BLOB_STORAGE, COSMOS_DB, KEY_VAULT
from backend.health import Health, health_app
from backend.process import Process
from backend.receipts import ReceiptSigner
from backend.settings import Settings
from backend.stores import BlobReceipts, CosmosDocuments
from backend.worker import Worker

_log = structlog.get_logger("backend")  # not __name__, which is __main__ when run as a program


def main() -> None:
    """The console script `backend`."""
    configure_logging({"backend": "INFO"})
    try:
        settings = from_environment(Settings)
    except InvalidEnvironment as error:
        sys.exit(f"backend: {error}")
    asyncio.run(serve(settings))


async def serve(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT. Starts without access too, and says on `/readyz` what is missing."""
    health = Health()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with serving(health, settings):
        try:
            clients = Clients.open(settings)
        except ValueError as error:  # no variables of the webhook's: a new pod may have them, this one never will
            _log.error("identity.missing", reason=str(error))
            health.lack("identity", "Workload identity", str(error))
            await stopped_while_alive(health, stopped)
            return
        try:
            await work(settings, clients, health, stopped)
        finally:
            await clients.close()


async def work(settings: Settings, clients: Clients, health: Health, stopped: asyncio.Event) -> None:
    """Receives as soon as all dependencies have answered once; returns when all that was received is settled."""
    signer = ReceiptSigner(clients.secrets.get_secret)
    documents = CosmosDocuments(
        clients.cosmos.get_database_client(settings.orders_database).get_container_client(settings.orders_container)
    )
    receipts = BlobReceipts(clients.blobs.get_container_client(settings.receipts_container))
    access = Access(
        {KEY_VAULT: signer.refresh, COSMOS_DB: documents.check, BLOB_STORAGE: receipts.check},
        health,
    )
    worker = Worker(
        partial(receiving, clients, settings.orders_queue),
        Process(receipts, documents, signer.sign),
        access.confirm,
        health,
        settings.worker_concurrency,
    )
    async with asyncio.TaskGroup() as tasks:
        background = [
            tasks.create_task(access.confirm_all()),
            tasks.create_task(keep_key_fresh(access, settings.signing_key_refresh_seconds)),
        ]
        working = tasks.create_task(worker.run())
        await stopped.wait()
        _log.info("worker.stopping")
        worker.stop()
        await working
        for task in background:
            task.cancel()


@asynccontextmanager
async def receiving(clients: Clients, queue: str) -> AsyncIterator[ServiceBusReceiver]:
    """An open receiver without prefetch that renews each message's lock for as long as the worker may hold it."""
    renewer = AutoLockRenewer(max_lock_renewal_duration=PATIENCE + 60)
    receiver = clients.servicebus.get_queue_receiver(
        queue, receive_mode=ServiceBusReceiveMode.PEEK_LOCK, prefetch_count=0, auto_lock_renewer=renewer
    )
    async with receiver, renewer:
        yield receiver


async def keep_key_fresh(access: Access, every: float) -> None:
    """A rotated key signs within `every` seconds; one that we may no longer read signs no more."""
    while True:
        await asyncio.sleep(every)
        await access.confirm(KEY_VAULT)


@asynccontextmanager
async def serving(health: Health, settings: Settings) -> AsyncIterator[None]:
    """The health endpoints, in the loop that they report on."""
    runner = web.AppRunner(health_app(health), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.http_host, settings.http_port).start()
        yield
    finally:
        await runner.cleanup()


async def stopped_while_alive(health: Health, stopped: asyncio.Event) -> None:
    """Nothing to do but to answer the probes."""
    while not stopped.is_set():
        health.turn()
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await stopped.wait()


if __name__ == "__main__":
    main()
