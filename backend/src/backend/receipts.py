"""Receipts as compact JWS, and the key that signs them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import ValidationError
from workload.failure import Failure

from backend.dependencies import KEY_VAULT, Unavailable, calling
from contract import RECEIPT_ALGORITHM, Receipt

SECRET = "receipt-signing-key"  # noqa: S105  the secret's name, not its value

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 private key and its `kid`: the version of the secret `receipt-public-key` that verifies it."""

    kid: str
    key: OKPKey


def sign_receipt(receipt: Receipt, key: SigningKey) -> str:
    """The receipt as a compact JWS."""
    header = {"alg": RECEIPT_ALGORITHM, "kid": key.kid}
    return jws.serialize_compact(header, receipt.model_dump_json(), key.key, algorithms=[RECEIPT_ALGORITHM])


def read_receipt(signed: str) -> Receipt | None:
    """What a receipt says; None where it is none.

    The signature is NOT verified: the worker holds the present key only, while the receipt may be older. It comes
    from a container that nobody but the worker can add to; whoever shows it to a customer verifies it.
    """
    try:
        return Receipt.model_validate_json(jws.extract_compact(signed.encode()).payload)
    except (JoseError, ValidationError, ValueError):
        return None


class Secret(Protocol):
    """The two parts of a Key Vault secret that matter here (azure-keyvault-secrets' `KeyVaultSecret` has both)."""

    @property
    def value(self) -> str | None: ...

    @property
    def properties(self) -> "SecretProperties": ...


class SecretProperties(Protocol):
    @property
    def tags(self) -> dict[str, str] | None: ...


class ReceiptSigner:
    """Signs with the newest version of the secret `receipt-signing-key`, which is kept in memory and nowhere else.

    An outage of Key Vault does not stop the signing: the key in memory signs on. A refusal does: the key is
    forgotten, so that taking the access away has an effect as soon as the key is next read.
    """

    def __init__(self, fetch: Callable[[str], Awaitable[Secret]]) -> None:
        self._fetch = fetch
        self._key: SigningKey | None = None

    async def sign(self, receipt: Receipt) -> str:
        """The receipt as a compact JWS. Raises `Unavailable` where there is no key."""
        key = self._key or await self._read()
        self._key = key
        return sign_receipt(receipt, key)

    async def refresh(self) -> None:
        """Reads the key again. Raises `Unavailable` where this leaves none to sign with."""
        try:
            key = await self._read()
        except Unavailable as error:
            if self._key is None or error.refused:
                self._key = None
                raise
            _log.warning("signing_key.refresh_failed", reason=str(error.failure))
            return
        if self._key is None or self._key.kid != key.kid:
            _log.info("signing_key.read", kid=key.kid)
        self._key = key

    async def _read(self) -> SigningKey:
        async with calling(KEY_VAULT):
            secret = await self._fetch(SECRET)
        kid = (secret.properties.tags or {}).get("kid")
        if not kid:
            raise _unusable(f"the secret {SECRET} has no tag 'kid' to name its public key's version")
        try:
            key = OKPKey.import_key(secret.value or "")
        except (JoseError, ValueError):  # whose text might quote the key
            key = None
        if key is None or key.curve_name != "Ed25519" or not key.is_private:
            raise _unusable(f"the secret {SECRET} is not an Ed25519 private key in PEM form") from None
        return SigningKey(kid, key)


def _unusable(text: str) -> Unavailable:
    return Unavailable(KEY_VAULT, Failure(None, "UnusableKey", text))
