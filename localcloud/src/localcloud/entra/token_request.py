"""The form of a token request: its fields, and which resource its scope asks for.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

import re
from urllib.parse import parse_qsl

from starlette.requests import Request

from localcloud.entra import errors

_TYPE = "application/x-www-form-urlencoded"
_LARGEST = 1024 * 1024  # bytes: a projected token has a thousandth of it
_MOST_FIELDS = 50
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_NAMES_NO_RESOURCE = {"openid", "profile", "offline_access", "email"}
_DEFAULT = "/.default"
_GUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")

Fields = list[tuple[str, str]]


async def read(request: Request) -> Fields:
    """Return the form's fields, none if the body is no form; raise `EntraError` if the body is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise errors.request_malformed()
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        return []
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return []


def check(fields: Fields, version: int) -> dict[str, str]:
    """Return the fields by name; raise `EntraError` unless each is there once, and they are a federated client's.

    Version 1 of the endpoint is asked for a `resource`, version 2 for a `scope`. Fields that are not known are
    tolerated, as by Entra.
    """
    form = dict(fields)
    if len(form) < len(fields):
        names = [name for name, _ in fields]
        raise errors.parameter_duplicated(next(name for name in names if names.count(name) > 1))
    for name in ("grant_type", "client_id", "scope" if version == 2 else "resource"):
        if not form.get(name, "").strip():
            raise errors.parameter_missing(name)
    if form["grant_type"] != "client_credentials":
        raise errors.grant_not_supported(form["grant_type"])
    if not form.get("client_assertion") or form.get("client_assertion_type") != _JWT_BEARER:
        raise errors.assertion_missing()
    return form


def resource_of(form: dict[str, str], version: int) -> str:
    """Return the resource that is asked for, a client id in lower case.

    In version 2 the scope names it: `https://vault.azure.net` for `https://vault.azure.net/.default`, with the slash at
    its end if the client wrote one. Raises `EntraError` if the scope names none or several. A scope is an unordered
    set, in which OpenID Connect's own values count for nothing.
    """
    if version == 1:
        return _without_case_if_guid(form["resource"].strip())
    scope = form["scope"]
    values = [value for value in scope.split() if value not in _NAMES_NO_RESOURCE]
    resources = [value.removesuffix(_DEFAULT) for value in values if value.endswith(_DEFAULT)]
    if not resources:
        raise errors.scope_invalid(" ".join(values) or scope)
    if len(resources) < len(values):
        raise errors.scopes_conflict(scope, " .default scope can't be combined with resource-specific scopes.")
    asked = {resource.rstrip("/") for resource in resources}
    if len(asked) > 1:
        raise errors.scopes_conflict(scope)
    if "resource" in form and form["resource"].rstrip("/") not in asked:
        raise errors.resource_does_not_match()
    return _without_case_if_guid(resources[0])


def _without_case_if_guid(resource: str) -> str:
    return resource.lower() if _GUID.fullmatch(resource) else resource
