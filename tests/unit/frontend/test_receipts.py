"""Receipts: each is verified with exactly the public key that it names, and refused if that fails."""

import pytest
from azure.core.exceptions import ResourceNotFoundError, ServiceRequestError
from flask.testing import FlaskClient
from joserfc.jwk import OKPKey

from tests.unit.frontend.fakes import HTML, FakeAzure


def place(client: FlaskClient) -> str:
    return client.post("/orders", json={"product": "Brass key", "quantity": 2}).headers["Location"] + "/receipt"


def test_a_receipt_is_shown_verified(client: FlaskClient, azure: FakeAzure) -> None:
    """The answer holds the JWS itself and the version of the key that verified it."""
    path = place(client)
    azure.process(azure.bus.bodies()[0])
    answer = client.get(path).json
    assert (answer["verified"], answer["kid"]) == (True, azure.kid)
    assert answer["receipt"].encode() in azure.receipts.blobs.values()
    assert "Verified" in client.get(path, headers=HTML).get_data(as_text=True)


def test_an_old_receipt_verifies_after_a_rotation(client: FlaskClient, azure: FakeAzure) -> None:
    """Each receipt is verified with the version of the key that it names."""
    old = place(client)
    azure.process(azure.bus.bodies()[0])
    azure.receipt_key = OKPKey.generate_key("Ed25519")
    azure.kid = azure.vault.add("receipt-public-key", azure.receipt_key.as_pem(private=False).decode())
    new = place(client)
    azure.process(azure.bus.bodies()[1])
    assert client.get(old).json["kid"] != client.get(new).json["kid"]


def test_a_public_key_is_read_once(client: FlaskClient, azure: FakeAzure) -> None:
    """A version never changes, so it is cached for the life of the process."""
    path = place(client)
    azure.process(azure.bus.bodies()[0])
    for _ in range(3):
        client.get(path)
    assert azure.vault.reads.count("receipt-public-key") == 1


def test_a_receipt_signed_with_another_key_is_refused_loudly(client: FlaskClient, azure: FakeAzure) -> None:
    """A signature of another key is a 502, and the page says not to trust the receipt."""
    path = place(client)
    azure.receipt_key = OKPKey.generate_key("Ed25519")
    azure.process(azure.bus.bodies()[0])
    answer = client.get(path)
    assert (answer.status_code, answer.json["type"]) == (502, "urn:keyless:problem:NotVerified")
    assert "DO NOT TRUST" in client.get(path, headers=HTML).get_data(as_text=True)


@pytest.mark.parametrize("kid", ["0" * 32, "../receipt-signing-key", ""])
def test_a_receipt_naming_an_unknown_key_is_refused(client: FlaskClient, azure: FakeAzure, kid: str) -> None:
    """The frontend asks for versions of `receipt-public-key` only, for every header of a receipt."""
    path = place(client)
    azure.process(azure.bus.bodies()[0], kid=kid or "not-a-version")
    assert client.get(path).status_code == 502
    assert set(azure.vault.reads) <= {"frontend-signing-key", "receipt-public-key"}


@pytest.mark.parametrize("blob", [b"", b"no jws", b"a.b.c", b"\xff\x00", b"e30.e30."])
def test_a_blob_that_is_no_receipt_is_refused(client: FlaskClient, azure: FakeAzure, blob: bytes) -> None:
    """A blob that is no receipt is a 502."""
    path = place(client)
    document = azure.process(azure.bus.bodies()[0])
    azure.receipts.blobs[document.receipt] = blob
    assert client.get(path).status_code == 502


def test_another_orders_receipt_is_refused(client: FlaskClient, azure: FakeAzure) -> None:
    """A receipt of another order is refused, even if its signature is good."""
    mine, _other = place(client), place(client)
    documents = [azure.process(message) for message in azure.bus.bodies()]
    azure.receipts.blobs[documents[0].receipt] = azure.receipts.blobs[documents[1].receipt]
    assert "another order's" in client.get(mine).json["detail"]


def test_a_lost_receipt_is_said_to_be_lost(client: FlaskClient, azure: FakeAzure) -> None:
    """If a document's receipt is missing, the answer is `ReceiptMissing` (502), as JSON and as a page."""
    path = place(client)
    azure.process(azure.bus.bodies()[0])
    azure.receipts.blobs.clear()
    answer = client.get(path)
    assert (answer.status_code, answer.json["type"]) == (502, "urn:keyless:problem:ReceiptMissing")
    assert "it was lost" in answer.json["detail"]
    page = client.get(path, headers=HTML)
    assert page.status_code == 502
    assert "urn:keyless:problem:ReceiptMissing" in page.text
    assert "DO NOT TRUST" not in page.text


def test_an_order_does_not_offer_a_receipt_that_was_lost(client: FlaskClient, azure: FakeAzure) -> None:
    """The order is shown as receipted, without a link, until its receipt is there again."""
    path = place(client)
    order = path.removesuffix("/receipt")
    azure.process(azure.bus.bodies()[0])
    blobs = dict(azure.receipts.blobs)
    azure.receipts.blobs.clear()
    answer = client.get(order)
    assert (answer.status_code, answer.json["status"], answer.json["links"]["receipt"]) == (200, "receipted", None)
    page = client.get(order, headers=HTML).text
    assert "The receipt of this order was lost" in page
    assert path not in page
    azure.receipts.blobs.update(blobs)
    assert client.get(order).json["links"]["receipt"] == path
    assert path in client.get(order, headers=HTML).text


def test_a_missing_container_is_no_lost_receipt(client: FlaskClient, azure: FakeAzure) -> None:
    """If the container is missing, the receipt is a 503, and the order keeps its link."""
    path = place(client)
    azure.process(azure.bus.bodies()[0])
    azure.receipts.failure = ResourceNotFoundError("The specified container does not exist.")
    azure.receipts.failure.error_code = "ContainerNotFound"  # type: ignore[attr-defined]
    assert client.get(path).status_code == 503
    assert client.get(path.removesuffix("/receipt")).json["links"]["receipt"] == path


def test_an_order_is_shown_while_blob_storage_is_down(client: FlaskClient, azure: FakeAzure) -> None:
    """If Blob Storage is down, the order is shown and keeps its link."""
    path = place(client)
    azure.process(azure.bus.bodies()[0])
    azure.receipts.failure = ServiceRequestError("the account is away")
    answer = client.get(path.removesuffix("/receipt"))
    assert (answer.status_code, answer.json["links"]["receipt"]) == (200, path)


def test_a_receipt_that_is_not_there_yet_is_not_found(client: FlaskClient) -> None:
    """While the order is on its way, the receipt is a 404 with Retry-After."""
    answer = client.get(place(client))
    assert (answer.status_code, answer.headers["Retry-After"]) == (404, "1")


def test_blob_storage_down_is_503(client: FlaskClient, azure: FakeAzure) -> None:
    """If a receipt can't be read, the answer is a 503, and not that it is not verified."""
    path = place(client)
    azure.process(azure.bus.bodies()[0])
    azure.receipts.failure = ServiceRequestError("the account is away")
    assert client.get(path).status_code == 503
