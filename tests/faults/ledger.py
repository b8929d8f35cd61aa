"""What is really there at the end: documents, receipts whose signatures are good, dead letters. Read from the stores
themselves, with the identities that may read them, and judged without the application's own code."""

import contextlib
import json
import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import requests
from azure.core.pipeline.transport import RequestsTransport
from azure.cosmos import ContainerProxy, CosmosClient
from azure.keyvault.secrets import SecretClient
from azure.servicebus import ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.management import ServiceBusAdministrationClient
from azure.storage.blob import ContainerClient
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from requests.adapters import HTTPAdapter

from tests.faults.application import NAMESPACE, Application

_AT_ONCE = 8
_IDS = "SELECT VALUE c.id FROM c WHERE c.customerId = @customer"


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the accepted orders. `lost`: neither receipted nor among the dead letters. `duplicated`:
    documents that no accepted order explains, and receipts beside an order's first."""

    accepted: int
    receipted: int
    dead_lettered: int
    lost: int
    duplicated: int


class _Session(requests.Session):
    """Verify with its own CA bundle, even if an SDK gives another one with a request."""

    def request(self, *arguments: Any, **options: Any) -> requests.Response:
        return super().request(*arguments, **options | {"verify": self.verify})


class Ledger:
    """Reads Cosmos DB, Blob Storage and Key Vault as the frontend may, the dead letters as `redrive` may."""

    def __init__(
        self,
        application: Application,
        documents: ContainerProxy,
        receipts: ContainerClient,
        secrets: SecretClient,
        queues: ServiceBusAdministrationClient,
    ) -> None:
        self._application = application
        self._documents = documents
        self._receipts = receipts
        self._secrets = secrets
        self._queues = queues
        self._keys: dict[str, OKPKey] = {}

    @classmethod
    @contextlib.contextmanager
    def of(cls, application: Application) -> Iterator["Ledger"]:
        """Open until the context is left, through every restart of the application. It asks for its tokens now, so that
        no fault reaches them."""
        with (
            application.credential("frontend") as credential,
            application.credential("keda") as keda,
            _Session() as session,
        ):
            tokens = {
                "servicebus.azure.net/": keda,  # as the SDK has it, with two slashes before `.default`
                "keyless.documents.azure.com": credential,
                "storage.azure.com": credential,
                "vault.azure.net": credential,
            }
            for resource, holder in tokens.items():
                for with_cae in (False, True):  # the SDK keeps tokens of the two kinds apart, and clients differ
                    holder.get_token(f"https://{resource}/.default", enable_cae=with_cae)
            session.trust_env, session.verify, session.proxies = False, application.trusted, application.proxies
            session.mount("https://", HTTPAdapter(pool_maxsize=_AT_ONCE))
            transport = RequestsTransport(session=session, session_owner=False)
            cosmos = CosmosClient("https://keyless.documents.azure.com:443/", credential, transport=transport)
            yield cls(
                application,
                cosmos.get_database_client("keyless").get_container_client("orders"),
                ContainerClient("https://keyless.blob.core.windows.net", "receipts", credential, transport=transport),
                SecretClient("https://keyless.vault.azure.net", credential, transport=transport),
                ServiceBusAdministrationClient(NAMESPACE, keda, transport=transport),
            )

    def documents(self, customers: Iterable[str]) -> list[str]:
        """The ids of all documents of these customers."""
        return [str(found) for customer in customers for found in self._of(customer)]

    def verified(self, orders: Collection[str]) -> dict[str, list[str]]:
        """The names of the receipts of each of these orders, once their signatures were verified."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(orders, pool.map(self._verified, orders), strict=True))

    def names(self) -> dict[str, list[str]]:
        """The names of all receipts, by the order that each says it is of: nothing is verified."""
        found = defaultdict(list)
        for name in self._receipts.list_blob_names():
            found[name.partition("/")[0]].append(name)
        return found

    def dead_letters(self) -> dict[str, ServiceBusReceivedMessage]:
        """The dead letters that name an order, by its id."""
        return {order: letter for letter in self.letters() if (order := order_of(letter)) is not None}

    def letters(self) -> list[ServiceBusReceivedMessage]:
        """All dead letters, oldest first. Peeks alone: nothing is taken."""
        found: list[ServiceBusReceivedMessage] = []
        with (
            self._application.servicebus("redrive") as client,
            client.get_queue_receiver("orders", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver,
        ):
            start = 1
            while letters := receiver.peek_messages(100, sequence_number=start):
                found += letters
                start = (letters[-1].sequence_number or 0) + 1
        return found

    def waiting(self) -> int:
        """How many messages there are in the queue, those in workers' hands included: as KEDA asks for it."""
        return int(self._queues.get_queue_runtime_properties("orders").active_message_count or 0)

    def tally(self, accepted: Mapping[str, str], verify: int | None = None) -> Tally:
        """What became of these orders, each given with its customer.

        Of so many receipts the signature is verified, chosen at random, if there are too many to verify all.
        """
        documents = self.documents(set(accepted.values()))
        if verify is None:
            receipts = self.verified(accepted.keys())
        else:
            names = self.names()
            receipts = {order: names.get(order, []) for order in accepted}
            receipts |= self.verified(random.sample(list(accepted), verify))
        receipted = {order for order in set(documents) & accepted.keys() if receipts[order]}
        missing = accepted.keys() - receipted
        dead = missing & self.dead_letters().keys() if missing else set()
        unexplained = len(documents) - len(accepted.keys() & set(documents))
        beside = sum(len(names) - 1 for names in receipts.values() if names)
        return Tally(len(accepted), len(receipted), len(dead), len(missing - dead), unexplained + beside)

    def _of(self, customer: str) -> Iterable[Any]:
        parameters = [{"name": "@customer", "value": customer}]
        return self._documents.query_items(_IDS, parameters=parameters, partition_key=customer, max_item_count=1000)

    def _verified(self, order: str) -> list[str]:
        names = list(self._receipts.list_blob_names(name_starts_with=f"{order}/"))
        return [name for name in names if self._is_receipt(self._receipts.download_blob(name).readall(), order)]

    def _is_receipt(self, signed: bytes, order: str) -> bool:
        try:
            kid = str(jws.extract_compact(signed).headers()["kid"])
            payload = jws.deserialize_compact(signed, self._key(kid), algorithms=["Ed25519"]).payload
        except JoseError:
            return False
        return bool(json.loads(payload)["orderId"] == order)

    def _key(self, kid: str) -> OKPKey:
        if kid not in self._keys:
            self._keys[kid] = OKPKey.import_key(self._secrets.get_secret("receipt-public-key", kid).value or "")
        return self._keys[kid]


def order_of(letter: ServiceBusReceivedMessage) -> str | None:
    """The order that a dead letter is about, `None` if its body names none."""
    try:
        found = json.loads(str(letter))["orderId"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if isinstance(found, str) else None
