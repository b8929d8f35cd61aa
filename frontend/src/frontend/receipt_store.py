"""Receipts: read from Blob Storage, and verified with exactly the public key that each names."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from azure.core.exceptions import ResourceNotFoundError
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import ContainerClient
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import ValidationError

from contract import RECEIPT_ALGORITHM, OrderDocument, Receipt

PUBLIC_KEY = "receipt-public-key"

_KEY_VAULT_VERSION = re.compile(r"[0-9a-f]{32}")


class NotVerified(Exception):
    """The receipt is missing, or not what the worker signed for this order. `str()` says why."""


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    """A value of this type exists only for a receipt that passed. `jws` is the compact JWS, `kid` the version of the
    public key, `receipt` what was signed."""

    jws: str
    kid: str
    receipt: Receipt


class ReceiptStore:
    """Public keys are cached for the life of the process: a version of a secret never changes."""

    def __init__(self, receipts: Callable[[], ContainerClient], secrets: Callable[[], SecretClient]) -> None:
        self._receipts = receipts
        self._secrets = secrets
        self._keys: dict[str, OKPKey] = {}

    def read(self, document: OrderDocument) -> VerifiedReceipt:
        """The order's receipt; raises `NotVerified`, or one of `DEPENDENCY_ERRORS`."""
        try:
            token = self._receipts().download_blob(document.receipt).readall().decode("ascii", "replace")
        except ResourceNotFoundError as error:
            if error.error_code != "BlobNotFound":  # type: ignore[attr-defined]  # the container itself is missing
                raise
            raise NotVerified(f"there is no receipt at {document.receipt}") from error
        verified = self.verify(token)
        if verified.receipt.orderId != document.id or verified.receipt.order.digest() != document.digest:
            raise NotVerified("the receipt is another order's")
        return verified

    def verify(self, token: str) -> VerifiedReceipt:
        """A receipt whose signature is good; raises `NotVerified`, or one of `DEPENDENCY_ERRORS`."""
        try:
            kid = jws.extract_compact(token.encode()).headers().get("kid")
            if not isinstance(kid, str) or not _KEY_VAULT_VERSION.fullmatch(kid):
                raise NotVerified("its header names no version of the public key")
            verified = jws.deserialize_compact(token, self._key(kid), algorithms=[RECEIPT_ALGORITHM])
            return VerifiedReceipt(token, kid, Receipt.model_validate_json(verified.payload))
        except JoseError as error:
            raise NotVerified(f"the signature or the form is wrong ({error.error})") from error
        except ValidationError as error:
            raise NotVerified("what it signs is no receipt") from error

    def check_key(self) -> None:
        """Sees that public keys can be read; raises one of `DEPENDENCY_ERRORS`."""
        if not self._keys:
            newest = self._secrets().get_secret(PUBLIC_KEY)
            if newest.properties.version and newest.value:
                self._keys[newest.properties.version] = OKPKey.import_key(newest.value)

    def check_blobs(self) -> None:
        """Lists one blob: the cheapest call that shows access; raises one of `DEPENDENCY_ERRORS`."""
        next(iter(self._receipts().list_blob_names(results_per_page=1)), None)

    def _key(self, kid: str) -> OKPKey:
        if kid not in self._keys:
            try:
                pem = self._secrets().get_secret(PUBLIC_KEY, kid).value or ""
            except ResourceNotFoundError as error:
                raise NotVerified(f"there is no version {kid} of {PUBLIC_KEY}") from error
            self._keys[kid] = OKPKey.import_key(pem)
        return self._keys[kid]
