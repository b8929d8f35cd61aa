"""The documents by which every MSAL finds its way: instance discovery, and OpenID Connect's for each kind of authority.

https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc and, for instance discovery, what MSAL's own
documentation says of it: https://learn.microsoft.com/entra/msal/dotnet/advanced/instance-discovery.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from localcloud.entra import errors

HOST = "login.microsoftonline.com"
AUTHORITY = f"https://{HOST}"
TENANT_INDEPENDENT = ("common", "organizations")
"""The authorities of any tenant. Of personal accounts (`consumers`) this cloud has none."""

# Azure's clouds: the host that MSAL talks to, the one that names its cache, and all that mean the same.
_CLOUDS = (
    (HOST, "login.windows.net", (HOST, "login.windows.net", "login.microsoft.com", "sts.windows.net")),
    (
        "login.partner.microsoftonline.cn",
        "login.partner.microsoftonline.cn",
        ("login.partner.microsoftonline.cn", "login.chinacloudapi.cn"),
    ),
    ("login.microsoftonline.de", "login.microsoftonline.de", ("login.microsoftonline.de",)),
    (
        "login.microsoftonline.us",
        "login.microsoftonline.us",
        ("login.microsoftonline.us", "login.usgovcloudapi.net"),
    ),
    ("login-us.microsoftonline.com", "login-us.microsoftonline.com", ("login-us.microsoftonline.com",)),
)
_VERSIONS = ("1.0", "1.1")


def instance(api_version: str, authorization_endpoint: str) -> dict[str, Any]:
    """Return the URL of this authority's OpenID document, and every cloud's aliases.

    Version 1.0 has no aliases. Raises `EntraError` if a parameter is missing or unknown, AADSTS50049 if the endpoint's
    host is none of Azure's.
    """
    for name, value in (("api-version", api_version), ("authorization_endpoint", authorization_endpoint)):
        if not value:
            raise errors.query_parameter_missing(name)
    if api_version not in _VERSIONS:
        raise errors.input_invalid()
    try:
        endpoint = urlsplit(authorization_endpoint)
    except ValueError as error:
        raise errors.instance_unknown() from error
    tenant, _, rest = endpoint.path.lstrip("/").partition("/")
    if endpoint.scheme != "https" or endpoint.netloc.lower() not in _hosts() or not tenant:
        raise errors.instance_unknown()
    version = "/v2.0" if rest.startswith("oauth2/v2.0/") else ""
    found = f"https://{endpoint.netloc.lower()}/{tenant}{version}/.well-known/openid-configuration"
    if api_version == "1.0":
        return {"tenant_discovery_endpoint": found}
    return {
        "tenant_discovery_endpoint": found,
        "api-version": api_version,
        "metadata": [
            {"preferred_network": network, "preferred_cache": cache, "aliases": list(aliases)}
            for network, cache, aliases in _CLOUDS
        ],
    }


def openid_configuration(tenant: str, version: int) -> dict[str, Any]:
    """Return the OpenID document of an authority for version 1 or 2 of the endpoints.

    A tenant-independent authority has the template `{tenantid}` in its issuer. Of the ways in which a client proves
    itself the document names the one that this cloud takes, an assertion.
    """
    base = f"{AUTHORITY}/{tenant}"
    issued_for = "{tenantid}" if tenant in TENANT_INDEPENDENT else tenant
    v2 = "/v2.0" if version == 2 else ""
    return {
        "issuer": f"{AUTHORITY}/{issued_for}/v2.0" if version == 2 else f"https://sts.windows.net/{issued_for}/",
        "authorization_endpoint": f"{base}/oauth2{v2}/authorize",
        "token_endpoint": f"{base}/oauth2{v2}/token",
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "jwks_uri": f"{base}/discovery{v2}/keys",
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "end_session_endpoint": f"{base}/oauth2{v2}/logout",
        "tenant_region_scope": None,
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com",
    }


def _hosts() -> Iterator[str]:
    return (alias for _network, _cache, aliases in _CLOUDS for alias in aliases)
