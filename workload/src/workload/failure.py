"""Why a service could not be used: what an SDK's exception says, in one sentence."""

import re
from contextlib import suppress
from dataclasses import dataclass

from azure.core.exceptions import AzureError

SDK_ERRORS = (AzureError, ValueError, OSError)
"""What the SDKs raise if a service can't be used. `ValueError`: a credential without its variables, an ill-formed
endpoint, a closed link. Catch it around calls of an SDK only."""

_LONGEST = 1500  # characters of text: Cosmos DB's names the action and, last, the whole id of the resource
_AADSTS = re.compile(r"AADSTS\d+")  # Entra's codes, which stand in its text alone
_HANDLER = "Handler failed: "  # what Service Bus's SDK puts before the text of another error
# The ids of one attempt, with which Entra and the services end their texts.
_ATTEMPT = re.compile(r"\s*\b(Trace ID|RequestId|ActivityId|TrackingId|Reference): ?\S.*")


@dataclass(frozen=True, slots=True)
class Failure:
    """`status` is an HTTP status, or None if there was no HTTP answer. `code` is the service's own name for the error,
    or else the exception's. `text` is one line. `retry_after` says in how many seconds to come back, if the service
    asks for that."""

    status: int | None
    code: str
    text: str
    retry_after: float | None = None

    def __str__(self) -> str:
        return self.text if self.code in self.text else f"{self.code}: {self.text}".removesuffix(": ")


def explain(error: BaseException) -> Failure:
    """Read an SDK's exception. The SDKs put no token into their texts.

    The same failure reads the same each time: ids of one attempt are left out.
    """
    details = getattr(error, "error", None)  # the OData error in the answer's body
    status = getattr(error, "status_code", None)
    text = getattr(details, "message", None) or getattr(error, "http_error_message", None) or error
    text = _ATTEMPT.sub("", " ".join(str(text).split()).removeprefix(_HANDLER))[:_LONGEST]
    entra = _AADSTS.search(text)
    code = entra[0] if entra else _code(error, details, status)
    return Failure(status, code or type(error).__name__, text, _retry_after(error))


def _code(error: BaseException, details: object, status: int | None) -> str | None:
    """Return the most telling of the codes: Key Vault's innermost, Blob Storage's header, Cosmos DB's sub-status."""
    inner = (getattr(details, "innererror", None) or {}).get("code")
    code = inner or getattr(error, "error_code", None) or getattr(details, "code", None)
    if sub_status := getattr(error, "sub_status", None):
        return f"{code or status}/{sub_status}"
    return str(code) if code else None


def _retry_after(error: BaseException) -> float | None:
    """Read the header Retry-After, or the milliseconds that Cosmos DB says. A date is not read.

    https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
    https://learn.microsoft.com/rest/api/cosmos-db/common-cosmosdb-rest-response-headers
    """
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    for name, unit in (("x-ms-retry-after-ms", 0.001), ("Retry-After", 1.0)):
        with suppress(KeyError, ValueError):
            return max(0.0, float(headers[name]) * unit)
    return None
