"""For each action that the local cloud enforces, a call of a real SDK client that needs this action and no other."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.cosmos import ContainerProxy, DatabaseProxy
from azure.cosmos.exceptions import CosmosHttpResponseError
from azure.keyvault.secrets import SecretClient
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.management import ServiceBusAdministrationClient
from azure.storage.blob import BlobClient, BlobServiceClient, ContainerClient
from localcloud.blob import actions as blob
from localcloud.cosmos import actions as cosmos
from localcloud.keyvault import actions as keyvault
from localcloud.servicebus import actions as servicebus

from tests.access.model import MODEL
from tests.access.workloads import an_order

KNOWN = "known"  # an item's id and partition key, and a blob's name, that are there


@dataclass(frozen=True, slots=True)
class Clients:
    """What the calls are made with."""

    secrets: SecretClient
    servicebus: ServiceBusClient
    administration: ServiceBusAdministrationClient
    database: DatabaseProxy
    blobs: BlobServiceClient


@dataclass(frozen=True, slots=True)
class Call:
    """Is made with the clients and the name of an entity. `whole`: the action is on the vault or the account alone,
    so that no grant on an entity gives it."""

    make: Callable[[Clients, str], object]
    whole: bool = False


def item(container: str, name: str) -> dict[str, Any]:
    """An item in the partition `KNOWN` of this container."""
    partition_key = MODEL["entities"]["cosmos"][container]["partitionKey"].removeprefix("/")
    return {"id": name, partition_key: KNOWN}


def _on_secret(make: Callable[[SecretClient, str], object], *, whole: bool = False) -> Call:
    return Call(lambda clients, name: make(clients.secrets, name), whole)


def _on_items(make: Callable[[ContainerProxy, str], object]) -> Call:
    return Call(lambda clients, name: make(clients.database.get_container_client(name), name))


def _on_account(make: Callable[[BlobServiceClient], object]) -> Call:
    return Call(lambda clients, _: make(clients.blobs), whole=True)


def _on_container(make: Callable[[ContainerClient], object]) -> Call:
    return Call(lambda clients, name: make(clients.blobs.get_container_client(name)))


def _on_blob(make: Callable[[BlobClient], object]) -> Call:
    return Call(lambda clients, name: make(clients.blobs.get_blob_client(name, KNOWN)))


def _recover(secrets: SecretClient, name: str) -> object:
    """The secret is not deleted: a caller with the right is told so by a 404."""
    with contextlib.suppress(ResourceNotFoundError):
        return secrets.begin_recover_deleted_secret(name)
    return None


def _purge(secrets: SecretClient, name: str) -> None:
    """The same."""
    with contextlib.suppress(ResourceNotFoundError):
        secrets.purge_deleted_secret(name)


def _restore(secrets: SecretClient, _name: str) -> None:
    """This is no backup: a caller with the right is told so by a 400."""
    try:
        secrets.restore_secret_backup(b"x")
    except HttpResponseError as error:
        if error.status_code != 400:
            raise


def _send(clients: Clients, queue: str) -> None:
    with clients.servicebus.get_queue_sender(queue) as sender:
        sender.send_messages(ServiceBusMessage(an_order().model_dump_json()))


def _receive(clients: Clients, queue: str) -> None:
    with clients.servicebus.get_queue_receiver(queue) as receiver:
        receiver.peek_messages()


def _list_versions(secrets: SecretClient, name: str) -> object:
    return list(secrets.list_properties_of_secret_versions(name))


def _query(items: ContainerProxy, _name: str) -> object:
    return list(items.query_items("SELECT * FROM c", partition_key=KNOWN))


def _list_conflicts(items: ContainerProxy, _name: str) -> object:
    return list(items.list_conflicts())


def _run_procedure(items: ContainerProxy, _name: str) -> None:
    """Run a stored procedure, of which the local cloud says with a 400 that it has none."""
    try:
        items.scripts.execute_stored_procedure(KNOWN, KNOWN)
    except CosmosHttpResponseError as error:
        if error.status_code != 400:
            raise


def _delegate(blobs: BlobServiceClient) -> object:
    now = datetime.now(UTC)
    return blobs.get_user_delegation_key(now, now + timedelta(hours=1))


CALLS: dict[str, dict[str, Call]] = {
    "keyVault": {
        keyvault.GET_SECRET: _on_secret(lambda secrets, name: secrets.get_secret(name)),
        keyvault.READ_METADATA: _on_secret(_list_versions),
        keyvault.SET_SECRET: _on_secret(lambda secrets, name: secrets.set_secret(name, "x")),
        keyvault.UPDATE: _on_secret(lambda secrets, name: secrets.update_secret_properties(name, tags={})),
        keyvault.DELETE: _on_secret(lambda secrets, name: secrets.begin_delete_secret(name)),
        keyvault.BACKUP: _on_secret(lambda secrets, name: secrets.backup_secret(name)),
        keyvault.RECOVER: _on_secret(_recover),
        keyvault.PURGE: _on_secret(_purge),
        keyvault.RESTORE: _on_secret(_restore, whole=True),
    },
    "serviceBus": {
        servicebus.SEND: Call(_send),
        servicebus.RECEIVE: Call(_receive),
        servicebus.READ_QUEUE: Call(lambda clients, queue: clients.administration.get_queue(queue)),
    },
    "cosmos": {
        cosmos.READ_METADATA: _on_items(lambda items, _: items.read()),
        cosmos.CREATE: _on_items(lambda items, name: items.create_item(item(name, uuid4().hex))),
        cosmos.READ: _on_items(lambda items, _: items.read_item(KNOWN, KNOWN)),
        cosmos.UPSERT: _on_items(lambda items, name: items.upsert_item(item(name, KNOWN))),
        cosmos.REPLACE: _on_items(lambda items, name: items.replace_item(KNOWN, item(name, KNOWN))),
        cosmos.DELETE: _on_items(lambda items, _: items.delete_item(KNOWN, KNOWN)),
        cosmos.EXECUTE_QUERY: _on_items(_query),
        cosmos.READ_CHANGE_FEED: _on_items(lambda items, _: list(items.read_all_items())),
        cosmos.EXECUTE_STORED_PROCEDURE: _on_items(_run_procedure),
        cosmos.MANAGE_CONFLICTS: _on_items(_list_conflicts),
    },
    "blob": {
        blob.SERVICE_READ: _on_account(lambda blobs: blobs.get_service_properties()),
        blob.SERVICE_WRITE: _on_account(lambda blobs: blobs.set_service_properties(cors=[])),
        blob.GENERATE_USER_DELEGATION_KEY: _on_account(_delegate),
        blob.GET_INFO: _on_container(lambda container: container.get_account_information()),
        blob.CONTAINER_READ: _on_container(lambda container: container.get_container_properties()),
        blob.CONTAINER_WRITE: _on_container(lambda container: container.set_container_metadata({})),
        blob.CONTAINER_DELETE: _on_container(lambda container: container.delete_container()),
        blob.GET_ACL: _on_container(lambda container: container.get_container_access_policy()),
        blob.SET_ACL: _on_container(lambda container: container.set_container_access_policy({})),
        blob.FILTER: _on_container(lambda container: list(container.find_blobs_by_tags("a = 'b'"))),
        blob.ADD: _on_container(lambda container: container.upload_blob(uuid4().hex, b"x")),
        blob.READ: _on_blob(lambda known: known.download_blob().readall()),
        blob.WRITE: _on_blob(lambda known: known.set_blob_metadata({})),
        blob.DELETE: _on_blob(lambda known: known.delete_blob()),
        blob.TAGS_READ: _on_blob(lambda known: known.get_blob_tags()),
        blob.TAGS_WRITE: _on_blob(lambda known: known.set_blob_tags({})),
    },
}
