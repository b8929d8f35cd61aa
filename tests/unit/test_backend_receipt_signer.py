"""The receipt key is read, rotated, kept during an outage, forgotten after a refusal, and never shown."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey

from backend.dependencies.dependency import Unavailable
from backend.orders.receipt_signer import ReceiptSigner
from contract import RECEIPT_ALGORITHM, Order, Receipt

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RECEIPT = Receipt(
    orderId="a" * 32, customerId="b" * 32, order=Order(product="Kettle", quantity=1), acceptedAt=NOW, receiptedAt=NOW
)


@dataclass
class Properties:
    tags: dict[str, str] | None


@dataclass
class Secret:
    value: str | None
    properties: Properties


@dataclass
class Vault:
    """The newest version of one secret."""

    key: OKPKey = field(default_factory=lambda: OKPKey.generate_key("Ed25519"))
    kid: str | None = "one"
    value: str | None = None
    failure: Exception | None = None
    reads: int = 0

    async def get(self, name: str) -> Secret:
        assert name == "receipt-signing-key"
        self.reads += 1
        if self.failure:
            raise self.failure
        value = self.key.as_pem(private=True).decode() if self.value is None else self.value
        return Secret(value, Properties({"kid": self.kid} if self.kid else None))


def kid(signed: str) -> object:
    return jws.extract_compact(signed.encode()).headers()["kid"]


async def test_the_key_is_read_once_for_many_receipts() -> None:
    """Signing needs no call of Key Vault as soon as the key is read."""
    vault = Vault()
    signer = ReceiptSigner(vault.get)
    for _ in range(3):
        signed = await signer.sign(RECEIPT)
    assert vault.reads == 1
    assert jws.deserialize_compact(signed, vault.key, [RECEIPT_ALGORITHM]).payload == RECEIPT.model_dump_json().encode()


async def test_a_rotated_key_signs_after_the_next_read() -> None:
    """New receipts carry the new key's `kid` and verify with it."""
    vault = Vault()
    signer = ReceiptSigner(vault.get)
    assert kid(await signer.sign(RECEIPT)) == "one"
    vault.key, vault.kid = OKPKey.generate_key("Ed25519"), "two"
    await signer.refresh()
    signed = await signer.sign(RECEIPT)
    assert kid(signed) == "two"
    jws.deserialize_compact(signed, vault.key, [RECEIPT_ALGORITHM])


async def test_an_outage_of_key_vault_does_not_stop_the_signing() -> None:
    """The key in memory still signs while Key Vault can't be reached."""
    vault = Vault()
    signer = ReceiptSigner(vault.get)
    await signer.refresh()
    vault.failure = ServiceRequestError("no route")
    await signer.refresh()
    assert kid(await signer.sign(RECEIPT)) == "one"


async def test_a_refusal_takes_the_key_away_until_it_is_allowed_again() -> None:
    """A worker that may no longer read the key does not sign. With its access back, it signs again by itself."""
    vault = Vault()
    signer = ReceiptSigner(vault.get)
    await signer.refresh()
    vault.failure = ClientAuthenticationError("Caller is not authorized")
    with pytest.raises(Unavailable, match="Key Vault: ClientAuthenticationError: Caller is not authorized"):
        await signer.refresh()
    with pytest.raises(Unavailable):
        await signer.sign(RECEIPT)
    vault.failure = None
    assert kid(await signer.sign(RECEIPT)) == "one"


@pytest.mark.parametrize(
    "vault",
    [
        Vault(kid=None),
        Vault(value=""),
        Vault(value="sesame"),
        Vault(value=OKPKey.generate_key("X25519").as_pem(private=True).decode()),
        Vault(value=OKPKey.generate_key("Ed25519").as_pem(private=False).decode()),
        Vault(value=ECKey.generate_key("P-256").as_pem(private=True).decode()),
    ],
)
async def test_a_secret_that_is_no_signing_key_is_named_not_quoted(vault: Vault) -> None:
    """The error names the secret and never quotes it."""
    with pytest.raises(Unavailable, match="receipt-signing-key") as caught:
        await ReceiptSigner(vault.get).refresh()
    assert "sesame" not in str(caught.value)
    assert "BEGIN" not in str(caught.value)


async def test_a_botched_rotation_leaves_the_good_key() -> None:
    """A new version that is no key is logged, and the one in memory still signs."""
    vault = Vault()
    signer = ReceiptSigner(vault.get)
    await signer.refresh()
    vault.value = "sesame"
    await signer.refresh()
    assert kid(await signer.sign(RECEIPT)) == "one"
