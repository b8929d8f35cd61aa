"""Pages of a list: `maxresults` at a time, the next one behind an opaque `$skiptoken` in `nextLink`."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import urlencode

from starlette.requests import Request

from localcloud.keyvault import errors
from localcloud.keyvault.limits import PAGE

_SIZES = frozenset(map(str, range(1, PAGE + 1)))

_T = TypeVar("_T")


def page(
    request: Request,
    list_url: str,
    entries: Callable[[str, int], Sequence[_T]],
    key: Callable[[_T], str],
) -> tuple[Sequence[_T], str | None]:
    """Return the page that is asked for and the link to the next one, None at the end.

    `entries` gives so many entries after a key. Raises `KeyVaultError` if the query asks for no page.
    """
    size = _size(request.query_params.get("maxresults"))
    found = entries(_after(request.query_params.get("$skiptoken")), size + 1)
    if len(found) <= size:
        return found, None
    token = base64.urlsafe_b64encode(key(found[size - 1]).encode()).decode()
    query = {"api-version": request.query_params["api-version"], "$skiptoken": token, "maxresults": size}
    return found[:size], f"{list_url}?{urlencode(query, safe='$')}"


def _size(value: str | None) -> int:
    if value is None:
        return PAGE
    if value not in _SIZES:
        raise errors.bad_parameter(f"The parameter maxresults must be between 1 and {PAGE}.")
    return int(value)


def _after(token: str | None) -> str:
    try:
        return base64.b64decode(token or "", altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise errors.bad_parameter("The parameter $skiptoken is invalid.") from error
