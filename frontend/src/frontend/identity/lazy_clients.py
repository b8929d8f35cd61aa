"""The credential and the clients, each made when it is first used.

So the frontend starts without access, and `/readyz` says what is missing.
"""

import functools
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar
from weakref import WeakKeyDictionary

from azure.cosmos import ContainerProxy
from azure.keyvault.secrets import SecretClient
from azure.servicebus import ServiceBusClient
from azure.storage.blob import ContainerClient

from frontend.identity.clients import blob_client, cosmos_client, secret_client, servicebus_client, workload_identity
from frontend.settings import Settings
from workload.credential import WatchedCredential

Owner = TypeVar("Owner")
Made = TypeVar("Made")


def once(make: Callable[[Owner], Made]) -> Callable[[Owner], Made]:
    """Call the method when it is first asked, and return the same object from then on.

    Threads that ask at the same time wait for one call. If it raises, the next one that asks calls again.
    """
    lock = threading.Lock()
    made: WeakKeyDictionary[Owner, Made] = WeakKeyDictionary()

    @functools.wraps(make)
    def get(owner: Owner) -> Made:
        with lock:
            if owner not in made:
                made[owner] = make(owner)
            return made[owner]

    return get


class LazyClients:
    """Each method raises what its client raises when it is made."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened = ExitStack()

    @once
    def credential(self) -> WatchedCredential:
        """Return the pod's identity."""
        credential = workload_identity()
        self._opened.callback(credential.close)
        return credential

    @once
    def secrets(self) -> SecretClient:
        """Return the client of the vault."""
        return self._opened.enter_context(secret_client(self._settings, self.credential()))

    @once
    def orders(self) -> ContainerProxy:
        """Return the client of Cosmos DB's container of orders."""
        client = cosmos_client(self._settings, self.credential())
        self._opened.enter_context(client)
        database = client.get_database_client(self._settings.orders_database)
        return database.get_container_client(self._settings.orders_container)

    @once
    def receipts(self) -> ContainerClient:
        """Return the client of Blob Storage's container of receipts."""
        client = blob_client(self._settings, self.credential())
        self._opened.enter_context(client)
        return client.get_container_client(self._settings.receipts_container)

    @once
    def servicebus(self) -> ServiceBusClient:
        """Return the client of the Service Bus namespace."""
        return self._opened.enter_context(servicebus_client(self._settings, self.credential()))

    def close(self) -> None:
        """Close every client that was made, and the credential last."""
        self._opened.close()
