"""The claims of the access tokens that Entra issues, in the version that the API they are for asks for.

https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
"""

from typing import Any

from localcloud.authorization.tokens import LIFETIME
from localcloud.entra.directory import Api, Identity
from localcloud.entra.discovery import AUTHORITY

_NO_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
_BY_ASSERTION = "2"  # how the client proved itself


def token_issuer(tenant_id: str) -> str:
    """The `iss` of version 1.0 access tokens, which the four services receive."""
    return f"https://sts.windows.net/{tenant_id}/"


def claims(identity: Identity, resource: str, api: Api | None, tenant_id: str, uti: str, now: int) -> dict[str, Any]:
    """Return a token's claims. `resource` is what was asked for; `api` is None for one of the four services.

    In version 1.0 `aud` is the resource as the client wrote it, a URI or a client id. In version 2.0 it is the API's
    client id, whatever the client wrote.
    """
    common = {
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
        "idtyp": "app",
        "oid": identity.principal_id,
        "sub": identity.principal_id,
        "tid": tenant_id,
        "uti": uti,
    }
    if identity.kind == "managedIdentity":
        common["xms_mirid"] = (
            f"/subscriptions/{_NO_SUBSCRIPTION}/resourcegroups/localcloud/providers/Microsoft.ManagedIdentity/"
            f"userAssignedIdentities/{identity.name}"
        )
    if api is not None and api.token_version == 2:
        return common | {
            "aud": api.client_id,
            "iss": f"{AUTHORITY}/{tenant_id}/v2.0",
            "azp": identity.client_id,
            "azpacr": _BY_ASSERTION,
            "ver": "2.0",
        }
    return common | {
        "aud": resource,
        "iss": token_issuer(tenant_id),
        "idp": token_issuer(tenant_id),
        "appid": identity.client_id,
        "appidacr": _BY_ASSERTION,
        "ver": "1.0",
    }
