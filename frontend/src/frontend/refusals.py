"""What a service said when it refused or failed: its status, its code and the first line of its text."""

from dataclasses import dataclass

from azure.core.exceptions import AzureError, HttpResponseError
from azure.cosmos.exceptions import CosmosHttpResponseError

DEPENDENCY_ERRORS = (AzureError, ValueError, OSError)
"""What the SDKs raise when a service can't be used. `ValueError`: a credential without its variables, and ill-formed
endpoints. Catch these around calls of an SDK only."""

_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Refusal:
    """`status` is an HTTP status where the service speaks HTTP; `code` is the service's own name for the error."""

    status: int | None
    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


def explain(error: BaseException) -> Refusal:
    """The refusal behind an SDK's exception. The SDKs put no token into their messages."""
    if not isinstance(error, HttpResponseError):
        return Refusal(None, type(error).__name__, _first_line(str(error)))
    details = error.error  # the OData error in the body, where there is one
    inner = (details.innererror or {}) if details else {}
    code = getattr(error, "error_code", None) or inner.get("code") or (details.code if details else None)
    if isinstance(error, CosmosHttpResponseError) and error.sub_status:
        code = f"{code or error.status_code}/{error.sub_status}"
    text = (details.message if details else None) or getattr(error, "http_error_message", None) or error.message
    return Refusal(error.status_code, str(code or type(error).__name__), _first_line(str(text)))


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # Entra ends its sentence with ids that differ each time.
    return (lines[0] if lines else "no text").split(" Trace ID:")[0][:_LONGEST]
