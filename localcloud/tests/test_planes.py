"""The control plane and the data plane, by the SDKs: to manage a service is not to read it, and the other way round.

`contributor` holds every action and no data action on every service, `data-owner` every data action and no action.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError
from azure.cosmos import CosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError
from azure.identity import WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusReceiveMode, TransportType
from azure.servicebus.exceptions import ServiceBusAuthorizationError
from azure.servicebus.management import ServiceBusAdministrationClient
from azure.storage.blob import BlobServiceClient, ContainerClient
from localcloud.testing import RunningCloud


@dataclass(frozen=True, slots=True)
class Clients:
    """What one workload reaches the services with."""

    secrets: SecretClient
    queues: ServiceBusClient
    administration: ServiceBusAdministrationClient
    account: BlobServiceClient

    @property
    def files(self) -> ContainerClient:
        return self.account.get_container_client("files")


@pytest.fixture(scope="module")
def clients(
    cloud: RunningCloud, credential: Callable[[str], WorkloadIdentityCredential]
) -> Iterator[Callable[[str], Clients]]:
    with ExitStack() as stack:

        def of(workload: str) -> Clients:
            mine = credential(workload)
            return Clients(
                stack.enter_context(SecretClient(cloud.vault_url, mine)),
                stack.enter_context(
                    ServiceBusClient(
                        cloud.namespace,
                        mine,
                        transport_type=TransportType.Amqp,
                        custom_endpoint_address=cloud.amqp_endpoint,
                        connection_verify=cloud.ca_bundle,
                        retry_total=0,
                    )
                ),
                stack.enter_context(ServiceBusAdministrationClient(cloud.namespace, mine)),
                stack.enter_context(BlobServiceClient(cloud.blob_url, mine, retry_total=0)),
            )

        yield of


@pytest.fixture(scope="module")
def contributor(clients: Callable[[str], Clients]) -> Clients:
    return clients("contributor")


@pytest.fixture(scope="module")
def data_owner(clients: Callable[[str], Clients]) -> Clients:
    return clients("data-owner")


@pytest.fixture(autouse=True, scope="module")
def canary(cloud: RunningCloud, clients: Callable[[str], Clients]) -> Iterator[None]:
    """A secret and a blob that must be there unchanged at the end."""
    cloud.cloud.secrets.put("alpha", "canary", {}, None)
    owner = clients("administrator")
    owner.files.upload_blob("canary", b"canary", overwrite=True)
    yield
    assert owner.files.download_blob("canary").readall() == b"canary"
    assert owner.secrets.get_secret("alpha").value == "canary"


def _send(clients: Clients) -> None:
    with clients.queues.get_queue_sender("jobs") as sender:
        sender.send_messages(ServiceBusMessage("from who may not"))


def _peek(clients: Clients) -> object:
    with clients.queues.get_queue_receiver("jobs") as receiver:
        return receiver.peek_messages()


def _receive(clients: Clients) -> object:
    with clients.queues.get_queue_receiver("jobs", receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE) as receiver:
        return receiver.receive_messages(max_wait_time=5)


DATA: dict[str, Callable[[Clients], object]] = {
    "get a secret": lambda clients: clients.secrets.get_secret("alpha"),
    "set a secret": lambda clients: clients.secrets.set_secret("alpha", "x"),
    "list secrets": lambda clients: list(clients.secrets.list_properties_of_secrets()),
    "update a secret": lambda clients: clients.secrets.update_secret_properties("alpha", tags={"a": "b"}),
    "send": _send,
    "peek": _peek,
    "receive": _receive,
    "read a blob": lambda clients: clients.files.download_blob("canary").readall(),
    "overwrite a blob": lambda clients: clients.files.upload_blob("canary", b"x", overwrite=True),
    "add a blob": lambda clients: clients.files.upload_blob("added", b"x"),
    "list blobs": lambda clients: list(clients.files.list_blobs()),
    "set a blob's metadata": lambda clients: clients.files.get_blob_client("canary").set_blob_metadata({"a": "b"}),
    "set a blob's tags": lambda clients: clients.files.get_blob_client("canary").set_blob_tags({"a": "b"}),
    "copy a blob": lambda clients: clients.files.get_blob_client("copied").start_copy_from_url(
        clients.files.get_blob_client("canary").url
    ),
    "delete a blob": lambda clients: clients.files.delete_blob("canary"),
}

_NOW = datetime.now(UTC)
MANAGEMENT: dict[str, Callable[[Clients], object]] = {
    "count messages": lambda clients: clients.administration.get_queue_runtime_properties("jobs"),
    "a container's properties": lambda clients: clients.files.get_container_properties(),
    "a container's metadata": lambda clients: clients.files.set_container_metadata({"a": "b"}),
    "list containers": lambda clients: list(clients.account.list_containers()),
    "the service's properties": lambda clients: clients.account.get_service_properties(),
    "the account": lambda clients: clients.account.get_account_information(),
}
# Let through, and then not done here, since there are no signatures that such a key could make.
NO_KEYS_HERE: dict[str, Callable[[Clients], object]] = {
    "a user delegation key": lambda clients: clients.account.get_user_delegation_key(_NOW, _NOW + timedelta(hours=1)),
}


def refused(call: Callable[[Clients], object], clients: Clients) -> bool:
    """Whether the service refuses the call for want of a right. Any other error is raised."""
    try:
        call(clients)
    except ServiceBusAuthorizationError:
        return True
    except HttpResponseError as error:
        if error.status_code not in (401, 403):
            raise
        return True
    return False


@pytest.mark.parametrize("what", DATA)
def test_who_manages_reaches_no_data(contributor: Clients, what: str) -> None:
    """A Contributor may read and write neither secrets, nor messages, nor blobs."""
    assert refused(DATA[what], contributor)


@pytest.mark.parametrize("what", MANAGEMENT)
def test_who_manages_manages(contributor: Clients, what: str) -> None:
    """What Azure checks by actions is a Contributor's, through the same endpoints."""
    assert not refused(MANAGEMENT[what], contributor)


@pytest.mark.parametrize("what", MANAGEMENT | NO_KEYS_HERE)
def test_who_owns_the_data_manages_nothing(data_owner: Clients, what: str) -> None:
    """Every data action together gives no container's properties, no counts, no key."""
    assert refused((MANAGEMENT | NO_KEYS_HERE)[what], data_owner)


def test_who_owns_the_data_reads_and_writes_it(data_owner: Clients) -> None:
    """Data actions need no action beside them."""
    assert data_owner.secrets.get_secret("alpha").value == "canary"
    data_owner.files.upload_blob("owned", b"x", overwrite=True)
    data_owner.files.delete_blob("owned")
    _send(data_owner)
    assert _receive(data_owner)


@pytest.mark.parametrize("workload", ["contributor", "data-owner"])
def test_no_role_of_azures_opens_cosmos(
    cloud: RunningCloud, credential: Callable[[str], WorkloadIdentityCredential], workload: str
) -> None:
    """Neither every action nor every data action lets a client so much as start: 403, by Cosmos's own roles alone."""
    with pytest.raises(CosmosHttpResponseError, match="does not have required RBAC permissions") as denied:
        CosmosClient(cloud.cosmos_url, credential(workload))
    assert (denied.value.status_code, denied.value.sub_status) == (403, 5301)
