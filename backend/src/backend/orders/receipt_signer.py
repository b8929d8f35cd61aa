"""The signature of receipts (compact JWS), and the key that signs them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from azure.keyvault.secrets import KeyVaultSecret
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import ValidationError

from backend.dependencies.dependency import KEY_VAULT, Unavailable, dependency
from contract import RECEIPT_ALGORITHM, Receipt
from workload.failure import Failure

RECEIPT_SIGNING_KEY = "receipt-signing-key"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ReceiptKey:
    """An Ed25519 private key and its `kid`: the version of the secret `receipt-public-key` that verifies with it."""

    kid: str
    key: OKPKey


def sign_receipt(receipt: Receipt, key: ReceiptKey) -> str:
    """Return the receipt as a compact JWS."""
    header = {"alg": RECEIPT_ALGORITHM, "kid": key.kid}
    return jws.serialize_compact(header, receipt.model_dump_json(), key.key, algorithms=[RECEIPT_ALGORITHM])


def read_receipt(signed: str) -> Receipt | None:
    """Return what a compact JWS says, or None if it is no receipt.

    The signature is NOT verified: the worker holds the present key, and the receipt may be older. Only the worker and
    `repair` may add to the container that it comes from. The frontend verifies a receipt before it shows it.
    """
    try:
        return Receipt.model_validate_json(jws.extract_compact(signed.encode()).payload)
    except (JoseError, ValidationError, ValueError):
        return None


class ReceiptSigner:
    """Sign with the newest version of the secret `receipt-signing-key`, which is kept in memory only.

    If Key Vault is down, the key in memory still signs. If Key Vault refuses access, the key is forgotten, so that a
    role that is taken away has its effect with the next refresh.
    """

    def __init__(self, get_secret: Callable[[str], Awaitable[KeyVaultSecret]]) -> None:
        self._get_secret = get_secret
        self._key: ReceiptKey | None = None

    async def sign(self, receipt: Receipt) -> str:
        """Return the receipt as a compact JWS. Raises `Unavailable` if there is no key."""
        if self._key is None:
            self._key = await self._read()
        return sign_receipt(receipt, self._key)

    async def refresh(self) -> None:
        """Read the key again. Raises `Unavailable` if there is then no key to sign with."""
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

    async def _read(self) -> ReceiptKey:
        async with dependency(KEY_VAULT):
            secret = await self._get_secret(RECEIPT_SIGNING_KEY)
        kid = (secret.properties.tags or {}).get("kid")
        if not kid:
            raise _unusable("has no tag 'kid' that names the version of its public key")
        try:
            key = OKPKey.import_key(secret.value or "")
        except (JoseError, ValueError):  # the error's text might quote the key
            key = None
        if key is None or key.curve_name != "Ed25519" or not key.is_private:
            raise _unusable("is not an Ed25519 private key in PEM form") from None
        return ReceiptKey(kid, key)


def _unusable(why: str) -> Unavailable:
    return Unavailable(KEY_VAULT, Failure(None, "UnusableKey", f"the secret {RECEIPT_SIGNING_KEY} {why}"))
