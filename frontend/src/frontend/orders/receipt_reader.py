"""Read receipts from Blob Storage, and verify each with exactly the public key that it names."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from azure.core.exceptions import ResourceNotFoundError
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import ContainerClient
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import ValidationError

from contract import RECEIPT_ALGORITHM, OrderDocument, Receipt
from workload.failure import SDK_ERRORS, explain
from workload.not_found import is_about_item

PUBLIC_KEY = "receipt-public-key"

# For a question that a page can do without: seconds to connect and to wait, and no second attempt.
_SOON: dict[str, Any] = {"connection_timeout": 1, "read_timeout": 1, "retry_total": 0}

_KEY_VAULT_VERSION = re.compile(r"[0-9a-f]{32}")

_log = structlog.get_logger(__name__)


class ReceiptNotVerified(Exception):
    """What is stored is not what the worker signed for this order. `str()` says why."""


class ReceiptMissing(Exception):
    """There is no blob of the receipt's name. The worker stores it before the document, so it was lost since."""


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    """A receipt whose signature is good. `jws` is the compact JWS, and `kid` the version of the public key."""

    jws: str
    kid: str
    receipt: Receipt


class ReceiptReader:
    """Keep public keys for the life of the process: a version of a secret never changes."""

    def __init__(self, receipts: Callable[[], ContainerClient], secrets: Callable[[], SecretClient]) -> None:
        self._receipts = receipts
        self._secrets = secrets
        self._keys: dict[str, OKPKey] = {}

    def read(self, document: OrderDocument) -> VerifiedReceipt:
        """Return the order's receipt. Raises `ReceiptMissing`, `ReceiptNotVerified`, or one of `SDK_ERRORS`."""
        with _missing_blobs():
            token = self._receipts().download_blob(document.receipt).readall().decode("ascii", "replace")
        verified = self.verify(token)
        if verified.receipt.orderId != document.id or verified.receipt.order.digest() != document.digest:
            raise ReceiptNotVerified("the receipt is another order's")
        return verified

    def is_missing(self, document: OrderDocument) -> bool:
        """Tell whether the order's receipt is missing. False if Blob Storage does not answer soon."""
        try:
            with _missing_blobs():
                self._receipts().get_blob_client(document.receipt).get_blob_properties(**_SOON)
        except ReceiptMissing:
            return True
        except SDK_ERRORS as error:
            _log.warning("dependency.failed", dependency="Blob Storage", reason=str(explain(error)))
        return False

    def verify(self, token: str) -> VerifiedReceipt:
        """Return the receipt if its signature is good. Raises `ReceiptNotVerified`, or one of `SDK_ERRORS`."""
        try:
            kid = jws.extract_compact(token.encode()).headers().get("kid")
            if not isinstance(kid, str) or not _KEY_VAULT_VERSION.fullmatch(kid):
                raise ReceiptNotVerified("its header names no version of the public key")
            verified = jws.deserialize_compact(token, self._key(kid), algorithms=[RECEIPT_ALGORITHM])
            return VerifiedReceipt(token, kid, Receipt.model_validate_json(verified.payload))
        except JoseError as error:
            raise ReceiptNotVerified(f"the signature or the form is wrong ({error.error})") from error
        except ValidationError as error:
            raise ReceiptNotVerified("what it signs is no receipt") from error

    def check_key(self) -> None:
        """Read a public key, unless one was read already. Raises one of `SDK_ERRORS`."""
        if not self._keys:
            newest = self._secrets().get_secret(PUBLIC_KEY)
            if newest.properties.version and newest.value:
                self._keys[newest.properties.version] = OKPKey.import_key(newest.value)

    def check_blobs(self) -> None:
        """List one blob: the cheapest call that shows access. Raises one of `SDK_ERRORS`."""
        next(iter(self._receipts().list_blob_names(results_per_page=1)), None)

    def _key(self, kid: str) -> OKPKey:
        if kid not in self._keys:
            try:
                pem = self._secrets().get_secret(PUBLIC_KEY, kid).value or ""
            except ResourceNotFoundError as error:
                raise ReceiptNotVerified(f"there is no version {kid} of {PUBLIC_KEY}") from error
            self._keys[kid] = OKPKey.import_key(pem)
        return self._keys[kid]


@contextmanager
def _missing_blobs() -> Iterator[None]:
    """Raise `ReceiptMissing` if there is no such blob. A missing container is raised as it came."""
    try:
        yield
    except ResourceNotFoundError as error:
        if not is_about_item(error):
            raise
        raise ReceiptMissing from error
