"""The command `repair` as a process, with its own identity, on a container with every kind of document."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from azure.cosmos import ContainerProxy, CosmosClient
from azure.identity import WorkloadIdentityCredential
from azure.storage.blob import ContainerClient
from joserfc import jws
from joserfc.jwk import OKPKey

from backend.repair.search import PAGE
from contract import RECEIPT_ALGORITHM, Order, OrderDocument, OrderMessage, Receipt

if TYPE_CHECKING:
    from localcloud.testing import RunningCloud

ORDER = Order(product="Lantern", quantity=3, note="wrapped")
ACCEPTED = datetime(2026, 11, 24, 12, 0, 0, 123456, UTC)
KID = "f" * 32


def document(**changes: Any) -> dict[str, Any]:
    """An order's document as the worker creates it, and then changed."""
    message = OrderMessage(orderId=uuid4().hex, customerId=uuid4().hex, order=ORDER, acceptedAt=ACCEPTED)
    made = OrderDocument(
        id=message.orderId,
        customerId=message.customerId,
        order=message.order,
        digest=message.order.digest(),
        acceptedAt=message.acceptedAt,
        receiptedAt=message.acceptedAt + timedelta(seconds=2),
        receipt=message.receipt_name,
    )
    return made.model_dump(mode="json") | changes


@dataclass(frozen=True)
class Case:
    """A document, the blobs that are there, and what `repair mend` says of it: None if it does not name it."""

    document: dict[str, Any]
    blobs: Mapping[str, bytes]
    said: str | None


def cases() -> dict[str, Case]:
    whole, untouched = document(), document()
    elsewhere = document()["receipt"]
    other_order = ORDER.model_copy(update={"quantity": 4})
    no_order = "not mended: it is no order's document: "
    changed = "not mended: the document's digest is not its order's: one of them was changed"
    foreign = "not mended: the document names another order's receipt"
    return {
        "its receipt is there": Case(whole, {whole["receipt"]: b"a receipt"}, None),
        "something is stored in the receipt's place": Case(untouched, {untouched["receipt"]: b""}, None),
        "the receipt is lost": Case(document(), {}, "mended"),
        "lost, of the customer before": Case(document(customerId=whole["customerId"]), {}, "mended"),
        "lost, with properties of others": Case(document(shipped=True), {}, "mended"),
        "the order was changed": Case(document(order=other_order.model_dump()), {}, changed),
        "the digest was changed": Case(document(digest=other_order.digest()), {}, changed),
        "a lost receipt of another order": Case(document(receipt=elsewhere), {}, foreign),
        "a stored receipt of another order": Case(document(receipt=whole["receipt"]), {}, foreign),
        "a receipt of no order": Case(
            document(receipt="../keys"), {}, no_order + "receipt: String should match pattern"
        ),
        "no receipt named": Case(document(receipt=None), {}, no_order + "receipt: Input should be a valid string"),
        "a later version": Case(document(version=2), {}, no_order + "version: Input should be 1"),
        "no time": Case(document(receiptedAt="soon"), {}, no_order + "receiptedAt: Input should be a valid datetime"),
        "no order": Case(document(order={"product": "Lantern"}), {}, no_order + "order.quantity: Field required"),
        "another application's": Case(
            {"id": "an invoice\u202e", "customerId": "somebody"}, {}, no_order + "id: String should match pattern"
        ),
    }


CASES = cases()
MORE_THAN_A_PAGE = [document() for _ in range(PAGE + 1)]


class Azure:
    """The cloud with the application's own access model; documents and receipts are put there as the backend."""

    def __init__(self, cloud: "RunningCloud") -> None:
        self.cloud = cloud
        self.key = OKPKey.generate_key("Ed25519")
        cloud.cloud.secrets.put("receipt-signing-key", self.key.as_pem(private=True).decode(), {"kid": KID})
        backend = WorkloadIdentityCredential(**cloud.workload_identity("backend"))
        cosmos = CosmosClient(cloud.cosmos_url, backend)
        self.orders: ContainerProxy = cosmos.get_database_client("keyless").get_container_client("orders")
        self.receipts = ContainerClient(cloud.blob_url, "receipts", credential=backend)

    def repair(self, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        """Runs the command in the environment that its pod has."""
        identity = self.cloud.workload_identity("repair")
        environment = {
            "PATH": os.environ["PATH"],
            "AZURE_CLIENT_ID": identity["client_id"],
            "AZURE_TENANT_ID": identity["tenant_id"],
            "AZURE_FEDERATED_TOKEN_FILE": identity["token_file_path"],
            "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
            "AZURE_KEYVAULT_RESOURCEENDPOINT": self.cloud.vault_url,
            "AZURE_COSMOS_RESOURCEENDPOINT": self.cloud.cosmos_url,
            "AZURE_STORAGEBLOB_RESOURCEENDPOINT": self.cloud.blob_url,
            "HTTPS_PROXY": self.cloud.cloud.proxy_url,
            "SSL_CERT_FILE": self.cloud.ca_bundle,
        }
        return subprocess.run(
            [sys.executable, "-m", "backend.repair", *arguments],
            env=environment | settings,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def blobs(self) -> dict[str, bytes]:
        """All that is stored among the receipts, by name."""
        return {name: self.receipts.download_blob(name).readall() for name in self.receipts.list_blob_names()}


@dataclass(frozen=True)
class Runs:
    """`repair list`, then `repair mend` twice, and the blobs before and after each."""

    listed: "subprocess.CompletedProcess[str]"
    mended: "subprocess.CompletedProcess[str]"
    again: "subprocess.CompletedProcess[str]"
    blobs: list[dict[str, bytes]]


@pytest.fixture(scope="module")
def azure(start_cloud: Callable[..., Any]) -> Iterator[Azure]:
    running = start_cloud(Path(__file__).parents[2] / "infra" / "access.yaml", name="keyless")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTTPS_PROXY", running.cloud.proxy_url)
        patch.setenv("REQUESTS_CA_BUNDLE", running.ca_bundle)
        yield Azure(running)


@pytest.fixture(scope="module")
def runs(azure: Azure) -> Runs:
    for case in CASES.values():
        azure.orders.create_item(case.document)
        for name, content in case.blobs.items():
            azure.receipts.upload_blob(name, content)
    for one in MORE_THAN_A_PAGE:
        azure.orders.create_item(one)
    blobs = [azure.blobs()]
    ran = []
    for verb in ("list", "mend", "mend"):
        ran.append(azure.repair(verb))
        blobs.append(azure.blobs())
    return Runs(*ran, blobs)


def said(run: "subprocess.CompletedProcess[str]") -> dict[str, str]:
    """What the run printed of each document, by its id."""
    lines = [line.split("  ", 1) for line in run.stdout.splitlines()[:-1]]
    assert len({name for name, _ in lines}) == len(lines), "a document is named twice"
    return dict(lines)


@pytest.mark.parametrize("kind", CASES)
def test_each_kind_of_document_has_its_line(runs: Runs, kind: str) -> None:
    """A lost receipt is mended, what can't be one is refused with a sentence, and a document in order is not named."""
    case = CASES[kind]
    words = said(runs.mended).get(case.document["id"].replace("\u202e", "\\u202e"))
    assert words is None if case.said is None else words is not None and words.startswith(case.said)


@pytest.mark.parametrize("kind", [kind for kind, case in CASES.items() if case.said == "mended"])
def test_a_mended_receipt_is_the_documents(azure: Azure, runs: Runs, kind: str) -> None:
    """It is signed with the present key under its `kid`, and says what the document says, times and all."""
    found = OrderDocument.model_validate(CASES[kind].document)
    signed = jws.deserialize_compact(runs.blobs[2][found.receipt], azure.key, [RECEIPT_ALGORITHM])
    receipt = Receipt.model_validate_json(signed.payload or b"")
    assert signed.headers() == {"alg": RECEIPT_ALGORITHM, "kid": KID}
    assert (receipt.orderId, receipt.customerId, receipt.order) == (found.id, found.customerId, found.order)
    assert (receipt.acceptedAt, receipt.receiptedAt) == (found.acceptedAt, found.receiptedAt)


def test_listing_changes_nothing(runs: Runs) -> None:
    """`repair list` names the same documents as `repair mend`, adds no blob, and ends with 0."""
    assert runs.listed.returncode == 0, runs.listed.stderr
    assert said(runs.listed).keys() == said(runs.mended).keys()
    assert runs.listed.stdout.splitlines()[-1] == f"{len(said(runs.listed))} without a receipt"
    assert runs.blobs[0] == runs.blobs[1]


def test_every_page_of_documents_is_looked_at(runs: Runs) -> None:
    """All of more documents than one page holds are mended, and the last line counts them."""
    expected = len(MORE_THAN_A_PAGE) + sum(case.said == "mended" for case in CASES.values())
    assert {said(runs.mended)[one["id"]] for one in MORE_THAN_A_PAGE} == {"mended"}
    assert runs.mended.stdout.splitlines()[-1] == f"{expected} of {len(said(runs.mended))} mended"


def test_what_could_not_be_mended_is_an_exit_code(runs: Runs) -> None:
    """If a document can't be mended, the exit code is 1 with one sentence, also at a repeat."""
    refused = sum(case.said not in (None, "mended") for case in CASES.values())
    for run in (runs.mended, runs.again):
        assert run.returncode == 1
        assert run.stderr.splitlines()[-1] == f"repair: {refused} not mended: the lines above say why"
    assert runs.again.stdout.splitlines()[-1] == f"0 of {refused} mended"


def test_what_is_stored_is_never_touched(runs: Runs) -> None:
    """What lies under a receipt's name stays as it is, and nothing is made but the receipts that were mended."""
    before, _, after, later = runs.blobs
    added = {OrderDocument.model_validate(one).receipt for one in MORE_THAN_A_PAGE} | {
        case.document["receipt"] for case in CASES.values() if case.said == "mended"
    }
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == added
    assert later == after


@pytest.mark.parametrize(
    ("settings", "code", "sentence"),
    [
        ({"AZURE_COSMOS_RESOURCEENDPOINT": ""}, 1, "repair: the environment is not valid: AZURE_COSMOS"),
        ({"AZURE_CLIENT_ID": ""}, 1, "repair: "),
        ({"RECEIPTS_CONTAINER": "recipes"}, 1, "repair: Blob Storage: "),
    ],
    ids=["a setting is missing", "no identity", "no such container"],
)
def test_what_keeps_it_from_working_is_one_sentence(
    azure: Azure, runs: Runs, settings: dict[str, str], code: int, sentence: str
) -> None:
    """The exit code is 1 for a wrong environment and for a service that refuses. The last line says what it is."""
    run = azure.repair("mend", **settings)
    assert run.returncode == code
    assert run.stderr.splitlines()[-1].startswith(sentence)
    assert "Traceback" not in run.stderr
    assert azure.blobs() == runs.blobs[3]
