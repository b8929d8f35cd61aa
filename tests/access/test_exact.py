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
from localcloud.authorization.roles import ControlAction
from localcloud.blob.actions import ACTIONS as BLOB
from localcloud.blob.actions import ADD, GET_ACL, SET_ACL, WRITE
from localcloud.cosmos.actions import ACTIONS as COSMOS
from localcloud.keyvault.actions import ACTIONS as KEY_VAULT
from localcloud.servicebus.actions import ACTIONS as SERVICE_BUS
from localcloud.servicebus.actions import actions_on
from localcloud.testing import RunningCloud

from tests.access import azure, model
from tests.access.calls import CALLS, KNOWN, Clients, item
from tests.access.principals import KEEPER, PRINCIPALS, with_principals

ENTITIES = [f"{service}/{entity}" for service, entities in model.MODEL["entities"].items() for entity in entities]
ONE_OF_EACH = [f"{service}/{next(iter(entities))}" for service, entities in model.MODEL["entities"].items()]
WALKED = with_principals()
OF_NO_SAS = (GET_ACL, SET_ACL)  # the local cloud lets them through, and Azurite refuses them to its signature


class Actor:
    """Uses one workload's real credential after another's, for clients that some workloads could not make themselves.

    Each token is to be renewed at once (`refresh_on`), so a client asks anew before each request.
    """

    def __init__(self, application: RunningCloud) -> None:
        self.workload = ""
        self._credentials = {}
        for workload in WALKED["workloads"]:
            with application.acting_as(workload):
                self._credentials[workload] = WorkloadIdentityCredential(enable_azure_proxy=True)

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        token = self._credentials[self.workload].get_token_info(*scopes, options=options or {})
        return AccessTokenInfo(token.token, token.expires_on, refresh_on=1)

    def get_token(self, *scopes: str, **_options: object) -> AccessToken:
        token = self.get_token_info(*scopes)
        return AccessToken(token.token, token.expires_on)


@pytest.fixture(scope="module")
def actor(application: RunningCloud) -> Iterator[Actor]:
    with application.enforce(WALKED):
        yield Actor(application)


@pytest.fixture(scope="module")
def clients(application: RunningCloud, actor: Actor) -> Iterator[Clients]:
    """Clients of the actor."""
    cloud, containers = application, model.MODEL["entities"]["cosmos"]
    actor.workload = KEEPER
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
        yield Clients(secrets, servicebus, administration, cosmos.get_database_client(database), blobs)


@pytest.fixture(autouse=True)
def known(actor: Actor, clients: Clients) -> None:
    """The secrets, a known item and a known blob, put back if the last walk has deleted them."""
    actor.workload = KEEPER
    for deleted in clients.secrets.list_deleted_secrets():
        clients.secrets.begin_recover_deleted_secret(str(deleted.name)).wait()
    for container in model.MODEL["entities"]["cosmos"]:
        clients.database.get_container_client(container).upsert_item(item(container, KNOWN))
    for container in model.MODEL["entities"]["blob"]:
        blobs = clients.blobs.get_container_client(container)
        if not blobs.exists():
            blobs.create_container()
        blobs.upload_blob(KNOWN, b"x", overwrite=True)


@pytest.mark.parametrize("workload", model.MODEL["workloads"])
@pytest.mark.parametrize("scope", ENTITIES)
def test_exactly_what_is_granted_succeeds(
    application: RunningCloud, actor: Actor, clients: Clients, workload: str, scope: str
) -> None:
    """Of all actions on the entity, those that the file grants succeed and all others are refused by the service."""
    walk(application, actor, clients, workload, scope)


@pytest.mark.parametrize("principal", PRINCIPALS)
@pytest.mark.parametrize("scope", ONE_OF_EACH)
def test_each_plane_opens_what_azure_checks_there(
    application: RunningCloud, actor: Actor, clients: Clients, principal: str, scope: str
) -> None:
    """Actions allow no data access, data actions no management. What a role leaves out is refused. Cosmos DB knows its
    own roles only."""
    walk(application, actor, clients, principal, scope)


def walk(application: RunningCloud, actor: Actor, clients: Clients, workload: str, scope: str) -> None:
    """Tries every action on the entity; those that delete come at the end, the blob before its container."""
    actor.workload = workload
    service, _, entity = scope.partition("/")
    succeeded, granted = set(), set()
    for action, call in sorted(CALLS[service].items(), key=_deletes):
        start = len(application.accesses())
        where = f"{service}/*" if call.whole else scope
        takes = WRITE if action == ADD and model.may(WALKED, workload, WRITE, where) else action  # write includes add
        answered = succeeds(lambda call=call: call.make(clients, entity))  # type: ignore[misc]
        if answered or (action in OF_NO_SAS and application.accesses()[-1].allowed):
            succeeded.add(action)
        if model.may(WALKED, workload, takes, where):
            granted.add(action)
        asked = {(access.workload, access.action, access.scope) for access in application.accesses()[start:]}
        assert asked == {(workload, takes, where)}, f"{action}: takes something else"
    assert succeeded == granted


def _deletes(entry: tuple[str, object]) -> tuple[bool, int]:
    action, _ = entry
    return action.endswith("delete"), -action.count("/")


def test_every_action_is_of_the_plane_that_azure_says() -> None:
    """Each enforced action stands in one of Azure's tables, and is checked as that table says."""
    enforced = {*KEY_VAULT, *SERVICE_BUS, *COSMOS, *BLOB}
    assert enforced == azure.ACTIONS | azure.DATA_ACTIONS | azure.COSMOS_DATA_ACTIONS
    assert {action for action in enforced if isinstance(action, ControlAction)} == azure.ACTIONS


def test_every_action_is_tried() -> None:
    """No action that the local cloud enforces is left out. The application has queues, and no topics."""
    enforced = {"keyVault": KEY_VAULT, "serviceBus": actions_on("serviceBus/orders"), "cosmos": COSMOS, "blob": BLOB}
    assert {service: set(calls) for service, calls in CALLS.items()} == {s: set(a) for s, a in enforced.items()}


def succeeds(call: Callable[[], object]) -> bool:
    """False if the service refuses for want of a right; any other error is raised, but for what is let through and then
    not done here."""
    try:
        call()
    except ServiceBusAuthorizationError:
        return False
    except HttpResponseError as error:
        # Over HTTPS Service Bus answers 401 to a good token without the right, all others 403.
        if error.status_code == 403 or "claims required for this operation" in str(error):
            return False
        if "NotSupported" not in str(error):
            raise
    return True
