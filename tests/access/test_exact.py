"""Every workload tries every action on every entity, and does exactly what it is granted."""

from collections.abc import Callable, Iterator

import pytest
from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.exceptions import HttpResponseError
from azure.cosmos import CosmosClient
from azure.identity import WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.servicebus import ServiceBusClient, TransportType
from azure.servicebus.exceptions import ServiceBusAuthorizationError
from azure.servicebus.management import ServiceBusAdministrationClient
from azure.storage.blob import BlobServiceClient
from localcloud.blob.actions import ACTIONS as BLOB
from localcloud.cosmos.actions import ACTIONS as COSMOS
from localcloud.keyvault.actions import ACTIONS as KEY_VAULT
from localcloud.servicebus.actions import ACTIONS as SERVICE_BUS

from tests.access import model
from tests.access.application import Application
from tests.access.calls import CALLS, KNOWN, Clients, item

ENTITIES = [f"{service}/{entity}" for service, entities in model.MODEL["entities"].items() for entity in entities]


class Actor:
    """One workload's real credential after another's, for clients that some workloads could not even make.

    Each token is to be renewed at once (`refresh_on`), so a client asks anew before each request.
    """

    def __init__(self, application: Application) -> None:
        self.workload = ""
        self._credentials = {
            workload: WorkloadIdentityCredential(**application.cloud.workload_identity(workload))
            for workload in model.MODEL["workloads"]
        }

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        token = self._credentials[self.workload].get_token_info(*scopes, options=options or {})
        return AccessTokenInfo(token.token, token.expires_on, refresh_on=1)

    def get_token(self, *scopes: str, **_options: object) -> AccessToken:
        token = self.get_token_info(*scopes)
        return AccessToken(token.token, token.expires_on)


@pytest.fixture(scope="module")
def actor(application: Application) -> Actor:
    return Actor(application)


@pytest.fixture(scope="module")
def clients(application: Application, actor: Actor) -> Iterator[Clients]:
    """Clients of the actor, a known item and a known blob."""
    cloud, containers = application.cloud, model.MODEL["entities"]["cosmos"]
    actor.workload = "backend"
    (database,) = {container["database"] for container in containers.values()}
    with (
        SecretClient(cloud.vault_url, actor) as secrets,
        ServiceBusClient(
            cloud.namespace,
            actor,
            transport_type=TransportType.Amqp,
            custom_endpoint_address=cloud.amqp_endpoint,
            connection_verify=cloud.ca_bundle,
        ) as servicebus,
        ServiceBusAdministrationClient(cloud.namespace, actor) as administration,
        CosmosClient(cloud.cosmos_url, actor, consistency_level="Eventual") as cosmos,
        BlobServiceClient(cloud.blob_url, actor) as blobs,
    ):
        made = Clients(secrets, servicebus, administration, cosmos.get_database_client(database), blobs)
        for container in containers:
            items = made.database.get_container_client(container)
            items.create_item(item(container, KNOWN))
        for container in model.MODEL["entities"]["blob"]:
            blobs.get_container_client(container).upload_blob(KNOWN, b"x")
        yield made


@pytest.mark.parametrize("workload", model.MODEL["workloads"])
@pytest.mark.parametrize("scope", ENTITIES)
def test_exactly_what_is_granted_succeeds(
    application: Application, actor: Actor, clients: Clients, workload: str, scope: str
) -> None:
    """Of all actions on the entity, those that the file grants succeed and all others are refused by the service."""
    actor.workload = workload
    service, _, entity = scope.partition("/")
    succeeded, granted = set(), set()
    for action, call in CALLS[service].items():
        start = len(application.accesses)
        if succeeds(lambda call=call: call.make(clients, entity)):  # type: ignore[misc]
            succeeded.add(action)
        if not call.whole and model.may(workload, action, scope):
            granted.add(action)
        asked = {(access.workload, access.action, access.scope) for access in application.accesses[start:]}
        assert asked == {(workload, action, f"{service}/*" if call.whole else scope)}, f"{action}: takes something else"
    assert succeeded == granted


def test_every_action_is_tried() -> None:
    """No action that the local cloud enforces is left out."""
    enforced = {"keyVault": KEY_VAULT, "serviceBus": SERVICE_BUS, "cosmos": COSMOS, "blob": BLOB}
    assert {service: set(calls) for service, calls in CALLS.items()} == {s: set(a) for s, a in enforced.items()}


def succeeds(call: Callable[[], object]) -> bool:
    """False where the service refuses for want of a right; any other error is raised."""
    try:
        call()
    except ServiceBusAuthorizationError:
        return False
    except HttpResponseError as error:
        # Service Bus answers 401 over HTTPS to who holds a good token without the right, all others 403.
        if error.status_code == 403 or "claims required for this operation" in str(error):
            return False
        raise
    return True
